// The collection's duplicates as a queue: one pair after the other, decided by key or by button.

import { call } from "./api.js";
import { sized } from "./card.js";
import * as compare from "./compare.js";
import { WORDS, buttons, decide, meant, undo } from "./decisions.js";
import { refuse } from "./drops.js";
import { byId, make, plain } from "./elements.js";
import { basename, bytes, count, counted, date } from "./format.js";
import { forget } from "./store.js";
import { stage } from "./words.js";

const PAGE = 20; // groups asked for at once
const POLL = 2000; // milliseconds, while groups are still being looked for

const queue = byId("queue");
let groups = new Map(); // by id, in the order of the service
let pairs = []; // { group, pair }
let at = 0;
let total = 0;
let undecided = 0;
let done = []; // pairs decided here, the latest last
let asking = false;
let building = false; // groups may come still

const withDecided = () => byId("queue-decided").checked;

async function more() {
  if (asking) return;
  asking = true;
  try {
    // Groups that were decided meanwhile are no longer in the list that the service counts in.
    const offset = withDecided() ? groups.size : [...groups.values()].filter((group) => group.pairs.some((pair) => !pair.decision)).length;
    const found = await call("GET", `duplicates?offset=${offset}&limit=${PAGE}${withDecided() ? "" : "&decided=0"}`);
    ({ total, undecided } = found);
    for (const group of found.groups) {
      if (groups.has(group.id)) continue;
      groups.set(group.id, group);
      pairs.push(...group.pairs.filter((pair) => withDecided() || !pair.decision).map((pair) => ({ group, pair })));
    }
    building = found.state === "building";
    if (building) {
      const { phase = "", done = 0, total = 0 } = found.progress ?? {};
      tell(`${stage(phase)}${total ? `: ${count(done)} of ${count(total)}` : ""}…`);
      if (at >= pairs.length) setTimeout(more, POLL);
    }
  } catch (error) {
    tell(error.message);
  } finally {
    asking = false;
  }
  show();
}

const tell = (text) => (byId("queue-text").textContent = text);

function show() {
  const row = pairs[at];
  byId("pair").hidden = !row;
  byId("queue-empty").hidden = Boolean(row) || asking || building;
  if (!row) {
    if (!total) return;
    if (!building) tell(`${counted(undecided, "group")} undecided of ${count(total)}`);
    byId("queue-empty").textContent = withDecided() ? "That was the last one." : "All pairs are decided.";
    return;
  }
  const { group, pair } = row;
  tell(`Pair ${count(at + 1)} of ${count(pairs.length)}${groups.size < total ? " so far" : ""} · ${counted(undecided, "group")} undecided of ${count(total)}`);
  byId("pair-words").textContent = pair.words || (pair.relation === "exact" ? "The same file, twice." : "The same picture, edited.");
  const members = new Map(group.members.map((member) => [member.id, member]));
  byId("pair-panes").replaceChildren(figure(members.get(pair.a), pair.outline_a), figure(members.get(pair.b), pair.outline_b));
  for (const button of byId("pair-decide").querySelectorAll("[data-decision]")) button.setAttribute("aria-pressed", String(button.dataset.decision === pair.decision));
  byId("pair-decided").textContent = pair.decision ? `Decided: ${WORDS[pair.decision].toLowerCase()}.` : "";
  byId("pair-undo").disabled = !done.length;
  byId("pair-back").disabled = at === 0;
  byId("group-text").textContent = `${counted(group.members.length, "image")} in this group`;
  byId("members").replaceChildren(
    ...group.members.map((member) => {
      const among = member.id === pair.a || member.id === pair.b;
      const image = make("img", { src: member.thumbnail, alt: member.path, width: member.width, height: member.height, loading: "lazy" });
      return make("li", { class: among ? "among" : "" }, image);
    }),
  );
}

function figure(member, outline) {
  const image = make("img", { src: sized(member, 640), alt: member.path, width: member.width, height: member.height });
  return make(
    "figure",
    {},
    make("div", { class: "stage" }, make("div", { class: "framed", "--ratio": member.width / member.height || 1 }, image, compare.outlineOf(outline))),
    make("figcaption", {}, make("strong", {}, basename(member.path)), member.path, make("span", {}, `${count(member.width)} × ${count(member.height)}, ${bytes(member.size)}, ${date(member.modified)}`)),
  );
}

async function settle(decision) {
  const row = pairs[at];
  if (!row) return;
  const answer = await decide(row.pair.a, row.pair.b, decision);
  if (!answer.startsWith("Saved")) {
    byId("pair-decided").textContent = answer;
    return;
  }
  row.pair.decision = decision;
  done.push(row);
  if (row.group.pairs.every((pair) => pair.decision)) undecided -= 1;
  step(1);
}

async function takeBack() {
  const row = done.at(-1);
  if (!row) return;
  try {
    await undo(row.pair.a, row.pair.b);
  } catch (error) {
    byId("pair-decided").textContent = error.message;
    return;
  }
  done.pop();
  if (row.group.pairs.every((pair) => pair.decision)) undecided += 1;
  row.pair.decision = null;
  at = pairs.indexOf(row);
  show();
  queue.focus({ preventScroll: true });
}

function step(by) {
  at = Math.min(pairs.length, Math.max(0, at + by));
  show();
  queue.focus({ preventScroll: true });
  if (at >= pairs.length - 5 && (building || groups.size < total)) more();
}

function closer() {
  const row = pairs[at];
  if (!row) return;
  const item = (id, outline) => {
    const member = row.group.members.find((one) => one.id === id);
    return { name: basename(member.path), src: member.thumbnail, large: sized(member, 1600), ratio: member.width / member.height || 1, outline };
  };
  compare.open([item(row.pair.a, row.pair.outline_a), item(row.pair.b, row.pair.outline_b)], row.pair.words ?? "");
}

queue.addEventListener("keydown", (event) => {
  if (!plain(event) || event.target.matches("input")) return;
  if (meant(event)) settle(meant(event));
  else if (event.key === "ArrowRight") step(1);
  else if (event.key === "ArrowLeft") step(-1);
  else if (event.key.toLowerCase() === "u") takeBack();
  else if (event.key === "Enter" && event.target === queue) closer();
  else return;
  event.preventDefault();
});
byId("pair-decide").prepend(...buttons(settle));
byId("pair-undo").addEventListener("click", takeBack);
byId("pair-back").addEventListener("click", () => step(-1));
byId("pair-on").addEventListener("click", () => step(1));
byId("pair-closer").addEventListener("click", closer);
byId("queue-decided").addEventListener("change", () => {
  groups = new Map();
  pairs = [];
  done = [];
  at = 0;
  more();
});
byId("leave").addEventListener("submit", forget);
for (const name of ["dragover", "drop"]) document.addEventListener(name, refuse);
compare.start();
more().then(() => queue.focus({ preventScroll: true }));
