// The grid of hits: rows of pictures, more of them as one scrolls, all of it by keyboard too.

import { bars as barsOf, card, place, ratio } from "./card.js";
import { button, byId, make, plain } from "./elements.js";
import { justified, rowHeight } from "./layout.js";
import { moreLike } from "./query.js";
import * as selection from "./selection.js";
import { shelve } from "./shelves.js";
import { parts } from "./words.js";

const list = byId("hits");
const size = byId("size");
const end = byId("hits-end");
const KEPT = "image-search.size";
const EXPLAINED = 30; // hits whose explanation is made at once

let hits = [];
let cards = []; // of the hits
let sizes = []; // of the cards
let used = []; // the parts that add to these hits
let whole = 1;
let open = () => {};
let more = null; // asks for further hits, while there are any
let stackSign = null;
let anchor = -1; // the number of the hit that was picked last
let arranged = 0; // the width that the cards are laid out for

export const shownHits = () => hits;
export const shownCards = () => cards;
export const bars = (hit) => barsOf(hit, used, whole);

// Whether these are the hits on show, with more after them.
export const continues = (results) => hits.length > 0 && results.length >= hits.length && hits.every(({ id, score, stack }, at) => id === results[at].id && score === results[at].score && stack?.length === results[at].stack?.length);

// wantMore: what to call at the end of the list, or null where it is the end of all.
// signOf: makes the sign of a hit with a stack.
export function show(results, openHit, wantMore = null, signOf = null) {
  const held = list.contains(document.activeElement);
  const goesOn = continues(results);
  const from = goesOn ? hits.length : 0;
  hits = results;
  open = openHit;
  more = wantMore;
  stackSign = signOf;
  if (!goesOn) {
    used = parts(hits);
    whole = Math.max(...hits.map((hit) => hit.score).slice(0, 1), 0.001);
    list.replaceChildren();
    cards = [];
    anchor = -1;
    list.style.setProperty("--parts", used.length);
  }
  cards.push(...hits.slice(from).map((hit, at) => cardOf(hit, from + at)));
  arrange();
  explainAll();
  byId("view").hidden = hits.length === 0;
  end.hidden = !more;
  watch();
  if (held && !goesOn) (hits.length ? focusHit : focusTitle)(0); // else the keyboard would start from the top
}

function cardOf(hit, at) {
  const act = {
    open: (event) => {
      if (event.shiftKey || event.ctrlKey || event.metaKey) pick(at, event.shiftKey || !selection.has(hit), event.shiftKey);
      else open(at);
    },
    like: (event) => moreLike(hit, event.shiftKey),
    pick: (on, upTo) => pick(at, on, upTo),
  };
  const made = card(hit, act, selection.has(hit));
  made.classList.toggle("within", Boolean(hit.within));
  if (stackSign && hit.stack?.length) made.append(stackSign(hit));
  return made;
}

// upTo: all from the one that was picked before.
function pick(at, on, upTo) {
  const [from, to] = upTo && anchor in hits ? [anchor, at].sort((a, b) => a - b) : [at, at];
  selection.setAll(hits.slice(from, to + 1), on);
  anchor = at;
}

// Why each one matches is many small elements; a card gets them when it comes near to being seen.
const nearSight = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => isIntersecting && explain(target)), { rootMargin: "600px" });

function explain(made) {
  nearSight.unobserve(made);
  made.querySelector(".scores").replaceChildren(...bars(made.hit));
}

function explainAll() {
  nearSight.disconnect();
  if (!list.classList.contains("with-scores")) return;
  cards.forEach((made, at) => (at < EXPLAINED ? explain(made) : nearSight.observe(made)));
}

// Grey places where pictures will be, while the first answer is on its way.
export function skeleton() {
  if (hits.length) return;
  const shapes = [1, 0.8, 1.3, 0.8, 1, 1.2, 0.7, 1, 1.4, 0.8, 1, 0.9];
  const places = justified(shapes, across(), wanted(), gap());
  const grey = ({ width, height }) => make("div", { class: "hit waiting", "aria-hidden": "true", "--w": `${width}px`, "--h": `${height}px` }, make("span", { class: "picture" }));
  list.replaceChildren();
  shelve(list, places.map(grey), places);
}

// Not rounded, as clientWidth is: a row that is wider by a hundredth breaks before its last card.
const across = () => Math.floor(100 * list.getBoundingClientRect().width) / 100;
const gap = () => Number.parseFloat(getComputedStyle(list).columnGap) || 8;
const wanted = () => rowHeight(across(), Number(size.value));

// From the start of a row on nothing before it changes; all of it is a few milliseconds for 1,000.
function arrange() {
  if (!cards.length || !across()) return;
  arranged = across();
  sizes = justified(cards.map(ratio), arranged, wanted(), gap());
  cards.forEach((made, at) => place(made, sizes[at]));
  shelve(list, cards, sizes);
}

const focusTitle = () => byId("results-title").focus({ preventScroll: true });
export const focusHit = (index) => cards[index]?.querySelector("button").focus({ preventScroll: index === 0 });

export const isMore = (event) => event.key.toLowerCase() === "m" && plain(event);
export const isPick = (event) => event.key.toLowerCase() === "c" && plain(event);

const nearEnd = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && goOn(), { rootMargin: "900px" });

// Watched again after each answer: an end that stayed in sight would cause no event.
function watch() {
  nearEnd.disconnect();
  if (more) nearEnd.observe(end);
}

function goOn() {
  const ask = more;
  more = null;
  ask?.();
}

export function start() {
  byId("scores").addEventListener("change", (event) => {
    list.classList.toggle("with-scores", event.target.checked);
    explainAll();
  });
  size.value = localStorage.getItem(KEPT) ?? 1;
  size.addEventListener("input", () => {
    localStorage.setItem(KEPT, size.value);
    arrange();
  });
  new ResizeObserver(() => across() !== arranged && arrange()).observe(list);
  end.append(button("Show more", goOn));
  list.addEventListener("keydown", (event) => {
    const here = event.target.closest(".hit");
    if (!here?.hit) return;
    if (isMore(event)) moreLike(here.hit, event.shiftKey);
    if (isPick(event)) pick(cards.indexOf(here), !here.box.checked, event.shiftKey);
    if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      selection.setAll(hits);
    }
    if (plain(event) && /^[1-9]$/.test(event.key) && event.key <= hits.length) open(Number(event.key) - 1);
    const target = cards[neighbour(cards.indexOf(here), event.key)];
    if (!target) return;
    event.preventDefault();
    target.querySelector("button").focus();
  });
  selection.onChange(() => cards.forEach(({ box, hit }) => (box.checked = selection.has(hit))));
}

// The number of the card that a key leads to, from the layout as it was computed: asking the browser
// where cards lie would have it lay out what is out of sight.
function neighbour(at, key) {
  const ends = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: cards.length - 1 };
  if (key in ends) return ends[key];
  const way = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!way) return -1;
  const { row, middle } = sizes[at];
  const away = (other) => (other.row === row + way ? Math.abs(other.middle - middle) : Infinity);
  return sizes.reduce((best, other, index) => (away(other) < away(sizes[best]) ? index : best), at);
}
