// Wiring: a changed query is searched for, and the answer is shown.

import { call } from "./api.js";
import { sized } from "./card.js";
import * as cleaned from "./cleaned.js";
import * as collection from "./collection.js";
import { byId, plain, styled } from "./elements.js";
import { basename, count, counted } from "./format.js";
import * as balance from "./balance.js";
import * as grid from "./grid.js";
import * as kind from "./kind.js";
import { clear, notice } from "./notices.js";
import * as pictures from "./pictures.js";
import * as query from "./query.js";
import * as region from "./region.js";
import * as selection from "./selection.js";
import { RECENT } from "./store.js";

// Hits that those are chosen from which differ from each other: a fifth of the collection, since what
// is farther from the query is no answer to it; a third of them is shown.
const candidates = () => Math.min(300, Math.max(40, Math.round((collection.state()?.images ?? 0) / 5)));
const FIRST = 60; // hits of the first answer; then twice as many each time the end comes near
const results = byId("results");
const title = byId("results-title");
const awaited = title.textContent; // beside a sheet that nothing is drawn on yet

let running = null;
let failed = "";
let asIs = null; // the id of the image that the picture asked with is, where a check found it so
let judged = null; // the verdict on show, or on its way

async function search(wanted = FIRST) {
  failed = "";
  const form = query.form();
  running?.abort();
  tellQuery();
  const browsed = form ? null : query.browsed();
  document.body.classList.toggle("browsing", Boolean(browsed));
  if (!form && !browsed) return begin();
  const mine = (running = new AbortController());
  if (document.body.classList.contains("start")) {
    document.body.classList.remove("start");
    window.scrollTo(0, 0);
  }
  if (wanted === FIRST) {
    results.setAttribute("aria-busy", "true");
    grid.skeleton();
  }
  try {
    if (browsed) await browse(browsed, mine.signal);
    else if (query.wantsCheck()) {
      title.textContent = "Checking…";
      judge(await call("POST", "check", { body: query.checkForm(), signal: mine.signal }));
    } else {
      if (!grid.shownHits().length) title.textContent = "Searching…";
      const differing = byId("differing").checked;
      form.append("k", differing ? candidates() : wanted);
      const found = await call("POST", "search", { body: form, signal: mine.signal });
      answer(differing ? await spreadOut(found, mine.signal) : found, wanted);
    }
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
  } finally {
    if (running === mine) results.setAttribute("aria-busy", "false");
  }
}

// Back to the start, except while a sheet is open.
function begin() {
  clear("search");
  hideVerdict();
  show([], awaited);
  results.setAttribute("aria-busy", "false");
  document.body.classList.toggle("start", !document.body.classList.contains("drawing-now"));
  invite(collection.state());
  offerRecent();
}

// Of what was found, the hits that differ most from each other, the best one first.
async function spreadOut(found, signal) {
  const body = new FormData();
  body.append("ids", found.results.map(({ id }) => id).join(" "));
  body.append("count", Math.min(FIRST, Math.ceil(candidates() / 3)));
  const { ids } = found.results.length > 1 ? await call("POST", "spread", { body, signal }) : { ids: found.results.map(({ id }) => id) };
  const hits = new Map(found.results.map((hit) => [hit.id, hit]));
  return { ...found, spreadFrom: found.results.length, results: ids.map((id) => hits.get(id)).filter(Boolean) };
}

// Fetched when the collection is first looked through.
async function browse(asked, signal) {
  clear("search");
  hideVerdict();
  const shown = (hits, text, more) => {
    if (!grid.continues(hits)) scrollUp();
    show(hits, text, more && (() => more().catch((error) => error.name !== "AbortError" && fail(error))));
  };
  const module = await import("./browse.js");
  if (signal.aborted) return;
  const total = await module.show(asked, query.browse, shown, signal);
  const linked = grid.shownHits().findIndex(({ id }) => id === new URLSearchParams(location.search).get("open"));
  if (linked >= 0 && !signal.aborted) openHit(linked);
  if (total || signal.aborted) return;
  if (asked.filters.size) unfulfilled();
  else empty();
}

function answer(found, wanted) {
  asIs = null;
  region.offer([]);
  clear("search");
  hideVerdict();
  if (wanted === FIRST) scrollUp();
  if (found.metric !== "auto") for (const hit of found.results) hit.metric = found.metric;
  const among = `of ${counted(found.compared, "image")}, in ${took(found.took_ms)}`;
  const further = !found.spreadFrom && found.results.length >= wanted && found.results.length < found.compared;
  const shown = found.kind === "text" && found.named?.join(", ");
  const by = found.matched_by === "names" ? "Matches in file names:" : found.matched_by === "labels" ? "With this label, the most typical first:" : found.matched_by === "part" ? "Most like the area:" : shown && `Matched by what the picture shows: ${shown};`;
  const number = found.results.length;
  const text = found.spreadFrom ? `${counted(number, "image")} that differ, out of the ${count(found.spreadFrom)} most similar ${among}` : `${by ? `${by} ${further ? "the first " : ""}${count(number)}` : mostSimilar(number)} ${found.matched_by === "names" && further ? among.replace("of", "among") : among}`;
  show(found.results, text, further ? () => search(2 * wanted) : null);
  kind.tell(pictures.any(), found);
  cleaned.tell(found);
  remember();
  pictures.learn(found.results);
  if (!found.compared) unfulfilled(found.warnings);
  else if (!found.results.length) return nameless(found.warnings);
  tellWarnings([...region.notes(), ...found.warnings]);
}

const mostSimilar = (number) => (number === 1 ? "The most similar" : `The ${count(number)} most similar`);
const took = (ms) => (ms < 1 ? "under 1 ms" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

function judge(found) {
  clear("search");
  scrollUp();
  asIs = found.hits.find((hit) => hit.relation === "exact")?.id ?? null;
  const matching = new Set(found.hits.map((hit) => hit.id));
  const hits = [...found.hits, ...(found.nearest ?? []).filter((hit) => !matching.has(hit.id))].map((hit, at) => ({ ...hit, rank: at + 1, checked: found.content }));
  show(hits, hits.length ? `${mostSimilar(hits.length)} of ${counted(found.compared, "image")}` : "");
  region.offer(found.parts ?? [], (number, of) => `Check only picture ${number} of ${of}`, () => query.check());
  showVerdict(found);
  cleaned.tell(found);
  remember();
}

// Once a query has stood for a moment; what is typed or drawn on its way there is no search.
let settling = 0;
function remember() {
  clearTimeout(settling);
  settling = setTimeout(() => import("./recent.js").then((recent) => recent.remember([pictures.name(), query.brief()].filter(Boolean).join(" · "))), 1000);
}

function offerRecent() {
  clearTimeout(settling);
  if (localStorage.getItem(RECENT)) import("./recent.js").then((recent) => recent.show());
}

// The code that shows a verdict comes with the first one.
function showVerdict(found) {
  judged = found;
  import("./verdict.js").then((verdict) => {
    if (judged === found) verdict.show(found, evidence, unknown(found.warnings ?? []));
  });
}

function hideVerdict() {
  judged = null;
  byId("verdict").hidden = true;
}

function scrollUp() {
  const top = byId("results").getBoundingClientRect().top;
  if (top < 0) window.scrollBy(0, top - 8);
}

// The state of the collection tells the rest, and shows so by the colour of its dot.
const unknown = (warnings) => warnings.filter((warning) => !(collection.state()?.warnings ?? []).includes(warning));

function tellWarnings(warnings) {
  const news = unknown(warnings);
  if (news.length) notice("search", news.join(" "), { kind: "warning", once: true });
}

// In the place of results; not where others came since.
let turn = 0;
function message(show) {
  const mine = turn;
  import("./messages.js").then((messages) => mine === turn && show(messages));
}

function unfulfilled(warnings) {
  title.textContent = "";
  message((messages) => messages.unfulfilled(warnings));
}

function nameless(warnings) {
  title.textContent = "";
  const why = warnings.find((warning) => warning.startsWith("No ")) ?? "";
  message((messages) => messages.nameless(why));
  tellWarnings(warnings.filter((warning) => warning !== why));
}

function fail(error) {
  failed = error.code;
  const passes = ["gone", "not_signed_in"].includes(failed); // a notice says so; what was found stays
  if (passes && grid.shownHits().length) return;
  show([], "");
  hideVerdict();
  if (passes) return;
  message((messages) => messages.failed(error));
}

function show(hits, text, more = null) {
  turn += 1;
  byId("message").hidden = true;
  title.textContent = text;
  kind.hide();
  cleaned.hide();
  latest = hits;
  fill(hits, more);
  if (hits.length) largeView();
}

let latest = []; // what was found, stacked or not

// Where the same pictures are stacked, what they are is asked for first.
async function fill(hits, more) {
  if (!stacking.checked || !hits.length) return grid.show(hits, openHit, more);
  const stacks = await import("./stacks.js");
  const folded = await stacks.fold(hits);
  if (latest === hits) grid.show(folded, openHit, more, (hit) => stacks.sign(hit, () => fill(hits, more)));
}

const empty = () => message((messages) => messages.empty());

function invite(status) {
  if (!status || !document.body.classList.contains("start")) return;
  turn += 1;
  if (status.images) byId("message").hidden = true;
  else empty();
}

// The query as one line, and what can be done with it.
function tellQuery() {
  byId("brief").textContent = query.brief() || (pictures.any() ? "" : "Your query");
  byId("check").hidden = pictures.count() !== 1;
}

async function queryItem() {
  const file = await pictures.asFile();
  if (!file) return null;
  const { like } = pictures.only();
  const src = URL.createObjectURL(file);
  const image = new Image();
  image.src = src;
  const seen = await image.decode().then(() => true, () => false);
  return seen ? { name: "Your query", src, ratio: image.naturalWidth / image.naturalHeight, id: like?.id ?? asIs } : null;
}

const item = (hit) => ({ id: hit.id, name: basename(hit.path), src: hit.thumbnail, large: sized(hit, 1600), ratio: hit.width / hit.height || 1 });

// Fetched when it is first wanted.
let compare = null;
const comparison = () => (compare ??= Promise.all([import("./compare.js"), styled("compare.css")]).then(([module]) => (module.start(), module)));

// Fetched with the first hits, so that one opens at once.
let viewer = null;
const largeView = () => (viewer ??= (lasso(), import("./viewer.js").then((module) => (module.start((hit) => (hit.evidence ? evidence(hit) : compareAll([hit]))), module))));
const lasso = matchMedia("(pointer: fine)").matches ? () => import("./lasso.js").then((module) => module.start(grid.shownCards)) : () => {};
const openHit = async (index) => (await largeView()).open(index);

// The query joins where there is room for it.
async function compareAll(hits) {
  const asked = hits.length < 4 ? await queryItem() : null;
  const all = [asked, ...hits.map(item)].filter(Boolean);
  if (all.length > 1) (await comparison()).open(all);
  else notice("compare", "Select another picture to compare with.", { once: false });
}

async function evidence(hit) {
  const proof = hit.evidence ?? {};
  const asked = await queryItem();
  const pair = [asked && { ...asked, outline: proof.outline_query }, { ...item(hit), outline: proof.outline_hit }].filter(Boolean);
  (await comparison()).open(pair, proof.words ?? "");
}

const withWords = (status) => {
  byId("words-why").hidden = status.reads_words;
  byId("words-how").hidden = !status.reads_names;
  byId("not-field").hidden = !(status.reads_words || status.reads_names);
};

// What explains the page comes when it is asked for, or with the first visit of a browser.
const help = () => import("./help.js");
byId("help").addEventListener("click", () => help().then((module) => module.keys()));
byId("tour").addEventListener("click", () => help().then((module) => module.tour()));
byId("tour").hidden = localStorage.getItem("image-search.tour") !== null;
document.addEventListener("keydown", (event) => {
  if (!plain(event) || event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, dialog, canvas")) return;
  if (event.key === "?") help().then((module) => module.keys());
  else if (event.key === "/") {
    event.preventDefault();
    byId("words").focus();
  }
});
byId("words-more").addEventListener("click", collection.open);
byId("check").addEventListener("click", () => query.check());
byId("edit").addEventListener("click", () => {
  const open = byId("query").classList.toggle("open");
  byId("edit").setAttribute("aria-expanded", String(open));
  byId("edit").textContent = open ? "Show the results" : "Refine";
});
const STACKING = "image-search.stacking";
const stacking = byId("stacking");
byId("differing").addEventListener("change", () => search());
stacking.checked = localStorage.getItem(STACKING) === "1";
stacking.addEventListener("change", () => {
  localStorage.setItem(STACKING, stacking.checked ? "1" : "0");
  search();
});
grid.start();
selection.start((hits) => compareAll(hits));
collection.onOpen(() => import("./uploads.js").then((uploads) => uploads.start(collection.update, (file) => {
  byId("collection").close();
  pictures.set([file]);
  query.check();
})));
query.start(search);
document.addEventListener("server-back", () => ["gone", "not_signed_in"].includes(failed) && search());
if (!location.search) offerRecent();
collection.onState(withWords);
collection.onState(invite);
collection.onState(balance.know);
collection.start();
