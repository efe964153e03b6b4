// Two to four pictures side by side under one look; of two also a swipe and the difference.

import { canAlign, laidOn } from "./aligning.js";
import * as decisions from "./decisions.js";
import { byId, closable, draw, make, placeOn } from "./elements.js";
import { contain, Look } from "./zoom.js";

const dialog = byId("compare");
const panes = byId("compare-panes");
const swipe = byId("compare-swipe");
const mirror = byId("compare-mirror");
const outlines = byId("compare-outlines");
const align = byId("compare-align");
const look = new Look((scale) => (byId("compare-zoom").textContent = `${Math.round(100 * scale)} %`));

let items = []; // { name, src, ratio; id of an indexed image, outline [[x, y], …], large: if known }
let frames = [];
let back = null;
let decided = null; // keeps a decision itself, for a page that goes through many

const mode = () => dialog.querySelector("[name=compare-mode]:checked").value;

// words: what a check found about the pair, if it did. onDecide gets a decision and answers what to
// tell; without it, one on two images of the collection is kept as it is.
export function open(pictures, words = "", onDecide = null) {
  back = document.activeElement;
  decided = onDecide;
  items = pictures.slice(0, 4);
  byId("compare-words").textContent = words;
  byId("compare-words").hidden = !words;
  byId("compare-modes").hidden = items.length !== 2;
  mirror.checked = false;
  align.checked = items.length === 2 && canAlign(items[0].outline, items[1].outline);
  align.disabled = !align.checked;
  byId("compare-decide").hidden = !onDecide && (items.length !== 2 || !items[0].id || !items[1].id || items[0].id === items[1].id);
  byId("compare-decided").textContent = "";
  const outlined = items.some((item) => item.outline?.length);
  outlines.closest("label").hidden = !outlined;
  outlines.checked = outlined;
  dialog.querySelector("[name=compare-mode][value=beside]").checked = true;
  if (!dialog.open) dialog.showModal();
  build();
  panes.focus({ preventScroll: true });
}

export function start() {
  closable(dialog);
  dialog.addEventListener("close", () => {
    look.detach();
    panes.replaceChildren();
    if (back?.isConnected) back.focus({ preventScroll: true });
  });
  for (const choice of dialog.querySelectorAll("[name=compare-mode]")) choice.addEventListener("change", build);
  byId("compare-decide").prepend(...decisions.buttons(decide));
  swipe.addEventListener("input", part);
  panes.addEventListener("pointermove", drag);
  mirror.addEventListener("change", marks);
  align.addEventListener("change", marks);
  outlines.addEventListener("change", marks);
  byId("compare-in").addEventListener("click", () => look.by(1.4));
  byId("compare-out").addEventListener("click", () => look.by(1 / 1.4));
  byId("compare-whole").addEventListener("click", () => look.reset());
  dialog.addEventListener("keydown", (event) => {
    if (event.target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
    if (!byId("compare-decide").hidden && decisions.meant(event)) decide(decisions.meant(event));
    look.key(event);
  });
  new ResizeObserver(fit).observe(panes);
}

async function decide(decision) {
  if (!decided) {
    byId("compare-decided").textContent = await decisions.decide(items[0].id, items[1].id, decision);
    return;
  }
  const answer = await decided(decision);
  byId("compare-decided").textContent = answer;
  if (answer.startsWith("Saved")) dialog.close(); // the next one waits behind it
}

function build() {
  const laid = items.length === 2 && mode() !== "beside"; // one on the other
  dialog.dataset.mode = items.length === 2 ? mode() : "beside";
  panes.dataset.count = laid ? 1 : items.length;
  byId("compare-swipe-label").hidden = !laid || mode() !== "swipe";
  mirror.closest("label").hidden = true; // until marks() says otherwise
  align.closest("label").hidden = !laid || align.disabled;
  look.detach();
  frames = [];
  const stages = laid ? [stageOf(items)] : items.map((item) => stageOf([item]));
  panes.replaceChildren(...stages.map(({ figure }) => figure));
  for (const { stage, inner } of stages) look.attach(stage, inner);
  look.reset();
  marks();
  part();
  fit();
}

// A region drawn over its picture, light on dark so that it shows on any; null where there is none.
// Two strokes rather than a shadow, which takes seconds where no graphics card helps.
export function outlineOf(region) {
  if (!region?.length) return null;
  const points = (corners) => corners.map((corner) => corner.join(",")).join(" ");
  const under = draw("polyline", { points: points([...region, region[0], region[1]]) });
  const over = draw("polygon", { points: points(region) });
  return draw("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" }, under, over);
}

function stageOf(shown) {
  const layers = shown.map((item) => {
    const image = make("img", { src: item.src, alt: item.name, draggable: "false" });
    // Until the large one has come, the small one stands in.
    if (item.large) {
      const large = new Image();
      large.addEventListener("load", () => (image.src = item.large));
      large.src = item.large;
    }
    return make("div", { class: "layer" }, make("div", { class: "laid" }, image, outlineOf(item.outline)));
  });
  const inner = make("div", { class: "inner" }, ...layers);
  const stage = make("div", { class: "stage" }, inner);
  const names = shown.map((item) => item.name).join(" · ");
  const caption = dialog.dataset.mode === "difference" ? `Black where both are the same: ${names}` : names;
  const figure = make("figure", {}, stage, make("figcaption", {}, caption));
  frames.push({ stage, inner, ratio: shown[0].ratio });
  return { figure, stage, inner };
}

function fit() {
  for (const { stage, inner, ratio } of frames) contain(stage, inner, ratio);
}

// The line between the two follows the hand, unless that moves what is zoomed.
function drag(event) {
  const inner = panes.querySelector(".inner");
  if (dialog.dataset.mode !== "swipe" || !event.buttons || look.scale > 1 || !inner) return;
  swipe.value = 100 * placeOn(inner, event).x;
  part();
}

const part = () => panes.style.setProperty("--part", `${swipe.value}%`);

function marks() {
  panes.classList.toggle("outlined", outlines.checked);
  const second = panes.querySelector(".layer + .layer .laid");
  if (!second) return;
  const aligned = align.checked && !align.disabled;
  const turn = mirror.checked ? "translate(100%, 0) scale(-1, 1)" : "none";
  second.classList.toggle("aligned", aligned);
  second.style.setProperty("--laid", aligned ? laidOn(items[0].outline, items[1].outline, items[0].ratio) : turn);
  mirror.closest("label").hidden = aligned;
}
