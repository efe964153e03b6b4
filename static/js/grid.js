// The grid of hits, and the bars that tell why each one matches.

import { byId, make } from "./elements.js";
import { basename, score } from "./format.js";

// Beyond these a picture is a stripe; it is shown whole within the nearest shape that is not.
const NARROWEST = 0.6;
const WIDEST = 2.6;

let hits = [];

export const shownHits = () => hits;

export function show(results, open) {
  hits = results;
  byId("hits").replaceChildren(...hits.map((hit, index) => card(hit, () => open(index))));
  byId("scores-switch").hidden = hits.length === 0;
}

export const focusHit = (index) => byId("hits").children[index]?.querySelector("button").focus();

export function bars(scores) {
  return Object.entries(scores).map(([name, value]) => {
    const share = `${Math.round(100 * Math.min(1, Math.max(0, value)))}%`;
    return make("span", { class: "part" }, make("span", {}, name), make("i", { "--share": share }), make("b", {}, value.toFixed(2)));
  });
}

export function start() {
  byId("scores").addEventListener("change", (event) => {
    byId("hits").classList.toggle("with-scores", event.target.checked);
  });
  byId("hits").addEventListener("keydown", (event) => {
    const target = neighbour(event.target.closest(".hit"), event.key);
    if (!target) return;
    event.preventDefault();
    target.querySelector("button").focus();
  });
}

function card(hit, open) {
  const ratio = Math.min(WIDEST, Math.max(NARROWEST, hit.width / hit.height || 1));
  const image = make("img", {
    src: hit.thumbnail,
    width: hit.width,
    height: hit.height,
    alt: hit.path,
    loading: hit.rank > 20 ? "lazy" : "eager",
    decoding: "async",
  });
  const caption = make(
    "span",
    { class: "caption" },
    make("span", { class: "name", title: hit.path }, basename(hit.path)),
    make("span", { class: "score", title: "Score: higher is more alike" }, score(hit.score)),
  );
  const button = make(
    "button",
    { type: "button", click: open },
    make("span", { class: "picture" }, image),
    caption,
    make("span", { class: "scores" }, ...bars(hit.scores)),
  );
  return make("li", { class: "hit", "--ratio": ratio.toFixed(4) }, button);
}

function neighbour(card, key) {
  if (!card) return null;
  if (key === "ArrowRight") return card.nextElementSibling;
  if (key === "ArrowLeft") return card.previousElementSibling;
  if (key === "Home") return card.parentElement.firstElementChild;
  if (key === "End") return card.parentElement.lastElementChild;
  if (key !== "ArrowDown" && key !== "ArrowUp") return null;
  const step = key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling";
  const here = card.getBoundingClientRect();
  const middle = here.left + here.width / 2;
  let best = null;
  let row = null;
  for (let other = card[step]; other; other = other[step]) {
    const there = other.getBoundingClientRect();
    if (there.top === here.top) continue;
    row ??= there.top;
    if (there.top !== row) break;
    const away = Math.abs(there.left + there.width / 2 - middle);
    if (!best || away < best.away) best = { other, away };
  }
  return best?.other ?? null;
}
