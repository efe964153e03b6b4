// The grid of hits, and the bars that tell why each one matches.

import { byId, make } from "./elements.js";
import { basename, score } from "./format.js";
import { moreLike } from "./query.js";
import { parts, word } from "./words.js";

// Beyond these a picture is a stripe; it is shown whole within the nearest shape that is not.
const NARROWEST = 0.6;
const WIDEST = 2.6;

let hits = [];
let telling = []; // the parts that have a say in these hits

export const shownHits = () => hits;

export function show(results, open) {
  const held = byId("hits").contains(document.activeElement);
  hits = results;
  telling = parts(hits);
  byId("hits").replaceChildren(...hits.map((hit, index) => card(hit, () => open(index))));
  byId("scores-switch").hidden = hits.length === 0;
  if (held) (hits.length ? focusHit : focusTitle)(0); // else the keyboard would start from the top
}

const focusTitle = () => byId("results-title").focus({ preventScroll: true });
export const focusHit = (index) => byId("hits").children[index]?.querySelector("button").focus({ preventScroll: index === 0 });

export const isMore = (event) => event.key.toLowerCase() === "m" && !event.ctrlKey && !event.metaKey && !event.altKey;

// What each part adds to the score; one scale for all hits, so that they compare.
export function bars({ scores, contributions }) {
  const whole = Math.max(...hits.map((hit) => hit.score), 0.001);
  return telling.map((part) => {
    const value = contributions[part] ?? 0;
    const share = `${Math.round(100 * Math.min(1, Math.max(0, value / whole)))}%`;
    const title = `${part}: cosine ${score(scores[part] ?? 0)}, adds ${score(value)} to the score`;
    return make(
      "span",
      { class: "part", title },
      make("span", {}, word(part)),
      make("i", { "--share": share }),
      make("b", {}, value.toFixed(2).replace("-", "−")),
    );
  });
}

export function start() {
  byId("scores").addEventListener("change", (event) => {
    byId("hits").classList.toggle("with-scores", event.target.checked);
  });
  byId("hits").addEventListener("keydown", (event) => {
    const at = [...byId("hits").children].indexOf(event.target.closest(".hit"));
    if (isMore(event) && at >= 0) moreLike(hits[at], event.shiftKey);
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
    make("span", { class: "scores" }, ...bars(hit)),
  );
  const more = make(
    "button",
    {
      type: "button",
      class: "more",
      "aria-label": `More like ${basename(hit.path)}`,
      title: "More like this (M); with Shift, beside what is asked for already",
      click: (event) => moreLike(hit, event.shiftKey),
    },
    make("span", { class: "sign" }, "≈"),
    make("span", { class: "said" }, "More like this"),
  );
  return make("li", { class: "hit", "--ratio": ratio.toFixed(4) }, button, more);
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
