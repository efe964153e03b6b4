// The large view of one hit, with its neighbours at the arrow keys.

import { boxOf, byName, meaning, sized } from "./card.js";
import { byId, closable, fillFacts, make, plain } from "./elements.js";
import { basename, bytes, clock, count, counted, date, likeness, most } from "./format.js";
import { bars, focusHit, isMore, isPick, shownHits } from "./grid.js";
import { shows } from "./kind.js";
import { WORDS, decide } from "./decisions.js";
import { drawOverHit } from "./pictures.js";
import { moreLike } from "./query.js";
import * as selection from "./selection.js";
import { matchedOn } from "./words.js";
import { contain, Look } from "./zoom.js";

// What browsers show; of other formats the largest thumbnail is the sharpest there is.
const SHOWN = /\.(jpe?g|jfif|png|webp|gif|avif|bmp)$/i;
const FILM = /\.(mp4|m4v|mov|webm|mkv|avi)$/i;

const dialog = byId("viewer");
const stage = dialog.querySelector(".stage");
const inner = dialog.querySelector(".inner");
const image = byId("viewer-image");
const look = new Look(closer);
const decided = make("span", { role: "status", class: "hint" });
const deciding = make("div", { class: "row", role: "group", "aria-label": "Your decision on it and the picture that was checked" });
let at = 0;
let inNumbers = false; // whether what a hit matches on is shown in numbers, too
let shown = null; // the hit there, or another view of its design
let beside = () => {};

export function open(index) {
  show(index); // first, so that all is laid out once
  dialog.showModal();
  fit();
}

// compareWithQuery gets the hit.
export function start(compareWithQuery) {
  beside = compareWithQuery;
  closable(dialog);
  deciding.append(...Object.entries(WORDS).map(([name, words]) => make("button", { type: "button", class: "mini", "data-decision": name, click: () => settle(name) }, words)), decided);
  dialog.querySelector(".actions").after(deciding);
  look.attach(stage, inner);
  dialog.addEventListener("close", () => {
    stopFilm();
    focusHit(at);
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("video, input:not([type=checkbox])")) return; // which have keys of their own
    if (look.key(event)) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
    if (isMore(event)) like(event);
    if (isPick(event)) byId("viewer-pick").click();
    if (plain(event) && /^[1-9]$/.test(event.key) && event.key <= shownHits().length) show(Number(event.key) - 1);
  });
  byId("viewer-back").addEventListener("click", () => step(-1));
  byId("viewer-on").addEventListener("click", () => step(1));
  byId("viewer-like").addEventListener("click", like);
  byId("viewer-beside").addEventListener("click", () => {
    dialog.close();
    beside(shown);
  });
  byId("viewer-play").addEventListener("click", play);
  byId("viewer-draw").addEventListener("click", () => {
    dialog.close();
    drawOverHit(shown);
  });
  byId("viewer-pick").addEventListener("change", (event) => selection.set(shown, event.target.checked));
  byId("viewer-labels").addEventListener("toggle", showLabels);
  new ResizeObserver(fit).observe(stage);
  listenToSwipes();
}

// What a hit of a check is to the picture that was checked.
async function settle(decision) {
  const hit = shown;
  const answer = await decide(hit.checked, hit.id, decision);
  if (answer.startsWith("Saved")) hit.decision = decision;
  if (shown === hit) showDecision(answer);
}

function showDecision(answer = "") {
  deciding.hidden = !shown.checked || !shown.relation;
  decided.textContent = answer;
  for (const button of deciding.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.decision === shown.decision));
}

function like(event) {
  dialog.close();
  moreLike(shown, event.shiftKey);
}

// A finger drawn across leads to the next picture, unless it moves what is zoomed.
function listenToSwipes() {
  let from = null;
  stage.addEventListener("pointerdown", (event) => (from = event.isPrimary && event.pointerType === "touch" && look.scale === 1 ? event : null));
  stage.addEventListener("pointerup", (event) => {
    if (!from || look.scale !== 1) return;
    const [x, y] = [event.clientX - from.clientX, event.clientY - from.clientY];
    if (Math.abs(x) > 40 && Math.abs(x) > 2 * Math.abs(y)) step(x < 0 ? 1 : -1);
  });
}

function step(by) {
  const next = at + by;
  if (next >= 0 && next < shownHits().length) show(next);
}

function show(index) {
  at = index;
  const hits = shownHits();
  const hit = hits[index];
  byId("viewer-views").replaceChildren(...(hit.views ?? []).map((view) => viewOf(hit, view)));
  display(hit);
}

// One of the views of a design; the others are a click away.
function viewOf(hit, view) {
  const click = () => display(view.id === hit.id ? hit : { ...hit, ...view, region_id: view.id, kind: "whole", page: 0, time: 0 });
  const picture = make("img", { src: view.thumbnail, alt: "", loading: "lazy", width: view.width, height: view.height });
  return make("li", {}, make("button", { type: "button", click, title: view.path, "aria-label": `View ${basename(view.path)}`, "data-id": view.id }, picture));
}

function display(hit) {
  shown = hit;
  const [index, hits] = [at, shownHits()];
  const matched = hit.id === hits[index].id;
  for (const choice of byId("viewer-views").querySelectorAll("button")) choice.setAttribute("aria-pressed", choice.dataset.id === hit.id);
  byId("viewer-name").textContent = basename(hit.path);
  byId("viewer-back").disabled = index === 0;
  byId("viewer-on").disabled = index === hits.length - 1;
  byId("viewer-pick").checked = selection.has(hit);
  look.reset();
  stopFilm();
  fit();
  showImage(hit);
  inner.querySelector(".found")?.remove();
  inner.append(boxOf(hit) ?? "");
  showPlace(hit);
  fillFacts(byId("viewer-facts"), [
    ["Rank", hit.score == null ? "" : `${hit.rank} of ${count(Math.max(hits.length, hit.rank, hits.at(-1).rank))}`],
    ["Design", hit.design ? `${basename(hit.design)}, ${counted(hit.views.length, "view")}` : ""],
    ["Path", hit.path],
    ["Size", `${count(hit.width)} × ${count(hit.height)} pixels, ${bytes(hit.size)}`],
    ["Note", hit.note ?? ""],
    ["Shows", shows(hit.labels)],
    ["Date", date(hit.modified)],
    ["Closer than", !matched || hit.closer_than == null || byName(hit.scores) ? "" : `${most(hit.closer_than)} of the images compared`],
    [hit.metric ? "Compared by" : "Similarity", hit.score == null ? "" : matched ? likeness(hit) : "that of the view that matched best"],
    ["Check", hit.evidence?.words ?? ""],
  ]);
  showWhy(matched ? hit : null);
  showDecision();
  byId("viewer-meaning").textContent = matched ? meaning(hit) : "";
  byId("viewer-beside").hidden = hit.score == null;
  showLabels();
  const download = byId("viewer-download");
  byId("viewer-style").href = `stylize?style=${hit.id}`;
  download.href = hit.url;
  download.download = basename(hit.path);
}

// In words first; the numbers on request.
function showWhy(hit) {
  const parts = hit ? bars(hit) : [];
  const words = hit && matchedOn([hit]);
  byId("viewer-scores").replaceChildren(...(words ? [make("p", {}, `${words}.`)] : []), ...(parts.length ? [make("details", { open: inNumbers, toggle: (event) => (inNumbers = event.target.open) }, make("summary", {}, "In numbers"), ...parts)] : []));
}

// Where the file opens at what matched: a page of a PDF, a time in a video.
function showPlace(hit) {
  const [, page] = hit.url.match(/#page=(\d+)/) ?? [];
  const film = FILM.test(hit.path);
  const opener = byId("viewer-open");
  opener.hidden = !page && !film;
  opener.href = hit.url;
  opener.textContent = page ? `Open page ${page}` : `Open at ${clock(hit.time ?? 0)}`;
  Object.assign(byId("viewer-play"), { hidden: !film, disabled: false, textContent: `Play from ${clock(hit.time ?? 0)}` });
}

function play() {
  stopFilm();
  const hit = shown;
  const film = make("video", { class: "film", src: hit.url, controls: true, autoplay: true, "aria-label": hit.path });
  film.addEventListener("error", () => {
    stopFilm();
    Object.assign(byId("viewer-play"), { disabled: true, textContent: "This browser cannot play it" });
  });
  stage.after(film);
  film.focus();
}

// Its address is taken away, so that the browser stops loading it.
function stopFilm() {
  const film = dialog.querySelector(".film");
  film?.removeAttribute("src");
  film?.load();
  film?.remove();
}

// What they need comes when they are opened.
function showLabels() {
  if (byId("viewer-labels").open) import("./labels.js").then((module) => module.showFor(shown));
}

// The size of the original, never larger than the room.
function fit() {
  if (dialog.open && shown) contain(stage, inner, shown.width / shown.height || 1, shown.width);
}

// The grid's small picture stands in until the large one has come.
function showImage(hit) {
  image.alt = hit.path;
  image.width = hit.width;
  image.height = hit.height;
  image.src = hit.thumbnail;
  replaceBy(hit, sized(hit, 1600));
}

function replaceBy(hit, address) {
  const large = new Image();
  large.src = address;
  // Unpacked before it is shown, so that no click waits for that.
  large.decode().then(
    () => shown === hit && (image.src = large.src),
    () => {}, // the small one stays
  );
}

// Zoomed in, the original itself.
function closer(scale) {
  byId("viewer-zoom").textContent = scale > 1.01 ? `${Math.round(100 * scale)} %` : "";
  const hit = dialog.open && shown;
  if (!hit || scale < 1.3 || Math.max(hit.width, hit.height) <= 1600 || !SHOWN.test(hit.path)) return;
  if (!image.src.endsWith(hit.url)) replaceBy(hit, hit.url);
}
