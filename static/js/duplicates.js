// The collection's duplicates as a queue: a group is one decision, a group of two a pair; decided by
// key or by button.

import { call } from "./api.js";
import { sized } from "./card.js";
import * as compare from "./compare.js";
import { WORDS, buttons, decide, decideGroup, meant, undo, undoGroup } from "./decisions.js";
import { refuse } from "./drops.js";
import { byId, make, plain } from "./elements.js";
import { basename, bytes, count, counted, date } from "./format.js";
import { forget } from "./store.js";
import { stage } from "./words.js";

const PAGE = 20; // groups asked for at once
const POLL = 2000; // milliseconds, while groups are still being looked for
const SIDES = 4; // images that are compared at once

const queue = byId("queue");
let groups = new Map(); // by id, in the order of the service
let rows = []; // { group, pair }, or { group } where all of it is decided at once
let at = 0;
let total = 0;
let undecided = 0;
let all = 0; // groups, those included that are decided
let done = []; // { row, undo }: what was decided here, the latest last
let asking = false;
let building = false; // groups may come still

const withDecided = () => byId("queue-decided").checked;
const isOpen = (group) => group.pairs.some((pair) => !pair.decision);

async function more() {
  if (asking) return;
  asking = true;
  try {
    // Groups that were decided since are no longer in the list that the service counts in.
    const offset = withDecided() ? groups.size : [...groups.values()].filter(isOpen).length;
    const found = await call("GET", `duplicates?offset=${offset}&limit=${PAGE}${withDecided() ? "" : "&decided=0"}`);
    ({ total, undecided } = found);
    for (const group of found.groups) {
      if (groups.has(group.id)) continue;
      groups.set(group.id, group);
      rows.push(...rowsOf(group));
    }
    building = found.state === "building";
    if (building) {
      const { phase = "", done = 0, total = 0 } = found.progress ?? {};
      tell(`${stage(phase)}${total ? `: ${count(done)} of ${count(total)}` : ""}…`);
      if (at >= rows.length) setTimeout(more, POLL);
    }
  } catch (error) {
    tell(error.message);
  } finally {
    asking = false;
  }
  show();
}

// A group with several pairs is one row, unless it is looked through pair by pair.
function rowsOf(group, apart = group.pairs.length === 1) {
  if (!apart) return [{ group }];
  return group.pairs.filter((pair) => withDecided() || !pair.decision).map((pair) => ({ group, pair }));
}

const tell = (text) => (byId("queue-text").textContent = text);

function show() {
  const row = rows[at];
  byId("pair").hidden = !row;
  byId("queue-empty").hidden = Boolean(row) || asking || building;
  all = Math.max(all, total);
  Object.assign(byId("queue-progress"), { max: Math.max(1, all), value: all - undecided });
  byId("queue-progress").hidden = !all;
  if (!row) {
    if (!total) return;
    if (!building) tell(`${counted(undecided, "group")} undecided of ${count(all)}`);
    const text = undecided ? `That was the last one; ${counted(undecided, "group")} undecided.` : "All of them are decided.";
    const back = make("button", { type: "button", class: "mini", id: "queue-back" }, "Back");
    back.addEventListener("click", () => step(-1));
    byId("queue-empty").replaceChildren(text, " ", ...(rows.length ? [back] : []));
    return;
  }
  const { group, pair } = row;
  const decision = pair ? pair.decision : agreed(group);
  tell(`${pair ? "Pair" : "Group"} ${count(at + 1)} of ${count(rows.length)}${groups.size < total ? " so far" : ""} · ${counted(undecided, "group")} undecided of ${count(all)}`);
  byId("pair").dataset.of = pair ? "pair" : "group";
  byId("pair-panes").tabIndex = pair ? -1 : 0; // a large group scrolls
  byId("pair-words").textContent = pair ? wordsOf(pair) : `${counted(group.members.length, "image")}: ${group.kind === "exact" ? "the same picture, pixel for pixel" : "versions of one picture"}`;
  if (pair) showPair(group, pair);
  else byId("pair-panes").replaceChildren(...group.members.map((member) => figure(member, null, relationOf(group, member))));
  for (const button of byId("pair-decide").querySelectorAll("[data-decision]")) button.setAttribute("aria-pressed", String(button.dataset.decision === decision));
  byId("pair-decided").textContent = decision ? `Decided: ${WORDS[decision].toLowerCase()}.` : "";
  byId("pair-all").hidden = Boolean(pair);
  byId("pair-apart").hidden = Boolean(pair);
  byId("pair-undo").disabled = !done.length;
  byId("pair-back").disabled = at === 0;
  const among = pair && group.members.length > 2;
  byId("group-text").hidden = byId("members").hidden = !among;
  if (!among) return;
  byId("group-text").textContent = `${counted(group.members.length, "image")} in this group`;
  byId("members").replaceChildren(
    ...group.members.map((member) => {
      const inPair = member.id === pair.a || member.id === pair.b;
      const image = make("img", { src: member.thumbnail, alt: member.path, width: member.width, height: member.height, loading: "lazy" });
      return make("li", { class: inPair ? "among" : "" }, image);
    }),
  );
}

const wordsOf = (pair) => pair.words || (pair.relation === "exact" ? "The same file, twice." : "The same picture, edited.");

// What all pairs of a group were decided to be, if it is one thing.
function agreed({ pairs }) {
  const decisions = new Set(pairs.map(({ decision }) => decision));
  return decisions.size === 1 ? [...decisions][0] : null;
}

// What links one image to another of its group, in words.
function relationOf(group, member) {
  const pair = group.pairs.find(({ a, b }) => member.id === a || member.id === b);
  const other = group.members.find(({ id }) => pair && id !== member.id && (id === pair.a || id === pair.b));
  return pair && other ? `${wordsOf(pair).replace(/\.$/, "")}, beside ${basename(other.path)}` : "";
}

function showPair(group, pair) {
  const members = new Map(group.members.map((member) => [member.id, member]));
  byId("pair-panes").replaceChildren(figure(members.get(pair.a), pair.outline_a), figure(members.get(pair.b), pair.outline_b));
}

// As the service ranks them: what a rule keeps, then the larger file, then the first by path.
const RANKS = {
  largest: ({ width, height }) => -width * height,
  heaviest: ({ size }) => -size,
  oldest: ({ modified }) => modified,
  newest: ({ modified }) => -modified,
  shortest: ({ path }) => [...path].length,
};
function best(members) {
  const rank = RANKS[byId("keep-rule").value];
  const before = (a, b) => rank(a) - rank(b) || b.size - a.size || (a.path < b.path ? -1 : 1);
  return members.reduce((first, other) => (before(other, first) < 0 ? other : first));
}

function figure(member, outline, words = "") {
  const keeps = member === best(rows[at].group.members);
  const badge = keeps ? make("span", { class: "best", title: `Keep: ${byId("keep-rule").selectedOptions[0].textContent}` }, "Best of the group") : null;
  const image = make("img", { src: sized(member, 640), alt: member.path, width: member.width, height: member.height, loading: "lazy" });
  return make(
    "figure",
    {},
    make("div", { class: "stage" }, make("div", { class: "framed", "--ratio": member.width / member.height || 1 }, image, compare.outlineOf(outline))),
    make("figcaption", {}, make("strong", {}, basename(member.path), badge), member.path, make("span", {}, `${count(member.width)} × ${count(member.height)}, ${bytes(member.size)}, ${date(member.modified)}`), words ? make("span", {}, words) : null),
  );
}

async function settle(decision) {
  const row = rows[at];
  if (!row) return "";
  const { group, pair } = row;
  const was = isOpen(group);
  const before = group.pairs.map((one) => one.decision);
  let token = null;
  if (pair) {
    const answer = await decide(pair.a, pair.b, decision);
    if (!answer.startsWith("Saved")) return (byId("pair-decided").textContent = answer);
    pair.decision = decision;
  } else {
    try {
      token = await decideGroup(group.id, decision);
    } catch (error) {
      return (byId("pair-decided").textContent = error.message);
    }
    for (const one of group.pairs) one.decision = decision;
  }
  done.push({ row, token, before });
  if (was && !isOpen(group)) undecided -= 1;
  step(1);
  return `Saved: ${WORDS[decision].toLowerCase()}.`;
}

async function takeBack() {
  const last = done.at(-1);
  if (!last) return;
  const { group, pair } = last.row;
  try {
    if (pair) await undo(pair.a, pair.b);
    else await undoGroup(last.token);
  } catch (error) {
    byId("pair-decided").textContent = error.message;
    return;
  }
  done.pop();
  const was = isOpen(group);
  if (pair) pair.decision = last.before[group.pairs.indexOf(pair)];
  else group.pairs.forEach((one, number) => (one.decision = last.before[number]));
  if (!was && isOpen(group)) undecided += 1;
  at = rows.indexOf(last.row);
  show();
  queue.focus({ preventScroll: true });
}

// The pairs of a group one after the other, where one decision does not fit all of it.
function apart() {
  const { group, pair } = rows[at] ?? {};
  if (!group || pair) return;
  rows.splice(at, 1, ...rowsOf(group, true));
  done = done.filter(({ row }) => rows.includes(row));
  show();
  queue.focus({ preventScroll: true });
}

function step(by) {
  at = Math.min(rows.length, Math.max(0, at + by));
  show();
  queue.focus({ preventScroll: true });
  if (at >= rows.length - 5 && (building || groups.size < total)) more();
}

// Decided there, the queue goes on behind it.
function closer() {
  const row = rows[at];
  if (!row) return;
  const { group, pair } = row;
  const item = (member, outline) => ({ id: member.id, name: basename(member.path), src: member.thumbnail, large: sized(member, 1600), ratio: member.width / member.height || 1, outline });
  const of = (id) => group.members.find((one) => one.id === id);
  if (pair) compare.open([item(of(pair.a), pair.outline_a), item(of(pair.b), pair.outline_b)], pair.words ?? "", settle);
  else compare.open(group.members.slice(0, SIDES).map((member) => item(member)), group.members.length > SIDES ? `The first ${SIDES} of ${group.members.length}` : "", settle);
}

queue.addEventListener("keydown", (event) => {
  if (!plain(event) || event.target.matches("input")) return;
  if (meant(event)) settle(meant(event));
  else if (event.key === "ArrowRight") step(1);
  else if (event.key === "ArrowLeft") step(-1);
  else if (event.key.toLowerCase() === "u") takeBack();
  else if (event.key.toLowerCase() === "p") apart();
  else if (event.key === "Enter" && event.target === queue) closer();
  else return;
  event.preventDefault();
});
byId("pair-decide").prepend(...buttons(settle));
byId("pair-undo").addEventListener("click", takeBack);
byId("pair-back").addEventListener("click", () => step(-1));
byId("pair-on").addEventListener("click", () => step(1));
byId("pair-closer").addEventListener("click", closer);
byId("pair-apart").addEventListener("click", apart);
byId("keep-rule").addEventListener("change", () => {
  show();
  listKept();
});
byId("keep").addEventListener("toggle", listKept);
byId("queue-decided").addEventListener("change", () => {
  groups = new Map();
  rows = [];
  done = [];
  at = 0;
  more().then(() => queue.focus({ preventScroll: true })); // the keys go on working
});
// Which files to keep, as far as it is certain that they are the same picture.
async function listKept() {
  if (!byId("keep").open) return;
  const rule = byId("keep-rule").value;
  byId("keep-export").href = `duplicates/keep?${new URLSearchParams({ rule, format: "csv" })}`;
  try {
    const { groups: found } = await call("GET", `duplicates/keep?${new URLSearchParams({ rule })}`);
    const others = found.reduce((sum, one) => sum + one.others.length, 0);
    const size = found.reduce((sum, one) => sum + one.others.reduce((part, { size }) => part + size, 0), 0);
    byId("keep-text").textContent = found.length
      ? `${counted(found.length, "picture")} to keep, ${counted(others, "further file")} (${bytes(size)}) show the same. No file is changed or deleted here.`
      : "No two files are certain to be the same picture yet: exact duplicates count, and what you decide to be the same.";
    byId("keep-export").hidden = !found.length;
  } catch (error) {
    byId("keep-text").textContent = error.message;
  }
}

byId("leave").addEventListener("submit", forget);
for (const name of ["dragover", "drop"]) document.addEventListener(name, refuse);
compare.start();
// How many groups there are in all, for the progress.
call("GET", "duplicates?limit=1").then((found) => {
  all = Math.max(all, found.total);
  if (!asking) show();
}, () => {});
more().then(() => queue.focus({ preventScroll: true }));
