// One hit in the grid: picture, name, score, why it matches, and what can be done with it.

import { make } from "./elements.js";
import { basename, counted, likeness, most, percent, points, top } from "./format.js";
import { ratioOf } from "./layout.js";
import { word } from "./words.js";

const SIDES = [320, 640, 1600]; // of thumbnails, as the service makes them
const PLACE = /^(at|page|frame) \d/; // notes on where in the file the match is
const SLIM = 168; // pixels of width under which there is no room for words on the picture

// Pictures of every size that there is; `sizes` on the image says which is needed.
function sources(hit) {
  const across = (side) => Math.min(hit.width || side, Math.round(side * Math.min(1, hit.width / hit.height || 1)));
  return SIDES.map((side) => `${sized(hit, side)} ${across(side)}w`)
    .filter((_, at) => at === 0 || across(SIDES[at]) > across(SIDES[at - 1]))
    .join(", ");
}

export const sized = (hit, side) => hit.thumbnail.replace(/side=\d+/, `side=${side}`);

// The box around the part that matched; null where all of the image did.
export function boxOf(hit) {
  if (!hit.region) return null;
  const [x, y, width, height] = hit.region.split(",").map((side) => `${100 * side}%`);
  return make("span", { class: "found", "--x": x, "--y": y, "--width": width, "--height": height, role: "img", "aria-label": "The area was found here" });
}

const filled = (share) => `${Math.round(100 * Math.min(1, Math.max(0, share)))}%`;

// What each part adds to the similarity; one scale for all hits, so that their bars compare.
export function bars({ score, scores, contributions, metric }, parts, whole) {
  return (metric ? [] : parts).map((part) => {
    const value = contributions[part] ?? 0;
    const title = `${word(part)}: adds ${points(value)} of the similarity, ${percent(score)}; by itself it is ${percent(scores[part] ?? 0)}`;
    return make("span", { class: "part", title }, make("span", {}, word(part)), make("i", { "--share": filled(value / whole) }), make("b", {}, points(value)));
  });
}

const CERTAIN = 10; // strength of a match that no two different pictures are known to reach

const meter = (label, title, share, text, kind = "score") =>
  make("span", { class: kind, role: "img", "aria-label": label, title }, make("i", { "--share": filled(share) }), make("b", {}, text));

// What a hit is in its place for. In a check, images that match come first, the surest first,
// however similar they are; then come the others by similarity: of a few images each has its own, of
// more its place among all.
function measure(hit) {
  const { evidence, score, scores, metric, closer_than: closer } = hit;
  if (score == null) return null; // nothing was compared
  if (metric) return make("span", { class: "score metric", title: meaning(hit) }, likeness(hit));
  const placed = !evidence && closer != null && !byName(scores);
  if (placed) return meter(closest(closer), `${closest(closer)} The bar is the similarity, ${percent(score)}. ${SIMILARITY}`, score, top(closer));
  if (!evidence) return meter(`${percent(score)} similar`, meaning(hit), score, percent(score));
  if (!(evidence.score > 0)) return null;
  const share = evidence.score / CERTAIN;
  return meter(`match strength ${Math.min(100, Math.round(100 * share))} of 100`, "Match: the fuller the bar, the surer it is that both are the same picture", share, "match", "score match");
}

// What a hit's place among all images means, in words.
const closest = (closer) => `Closer to your query than ${most(closer)} of the images compared.`;

export const byName = (scores) => Object.keys(scores).every((part) => part === "name");

// What the number of a hit means.
export function meaning({ score, scores, metric }) {
  if (score == null) return "";
  if (metric) return METRICS[metric];
  return byName(scores) ? "How well the names of the file and its folders match your words." : SIMILARITY;
}

const SIMILARITY =
  "Similarity: 100\u00a0% is the same picture; at 0\u00a0% both share nothing beyond what all images share. Drawings, words " +
  "and colours usually stay far below 100\u00a0%. It is not a probability. Compare it only within one search.";

const METRICS = {
  cosine: "By angle (the cosine of raw features): 1 is the same.",
  euclidean: "By distance (Euclidean, of raw features): 0 is the same. Its scale depends on the extractor.",
  dotproduct: "Angle and strength (the inner product of raw features): larger is more similar. Its scale depends on the extractor.",
};

const RELATIONS = { exact: "Same file", near: "Same picture", similar: "Similar" };

// `act`: open and like (get the event), pick (gets whether it is picked, and all up to it), for this hit.
export function card(hit, act, picked) {
  const name = basename(hit.path);
  const image = make("img", {
    src: hit.thumbnail,
    srcset: sources(hit),
    sizes: "200px",
    width: hit.width,
    height: hit.height,
    alt: hit.path,
    loading: hit.rank > 20 ? "lazy" : "eager",
    decoding: "async",
  });
  const caption = make(
    "span",
    { class: "caption" },
    make("span", { class: "name", title: hit.path }, name),
    PLACE.test(hit.note) ? make("span", { class: "variant", title: "This part of the file matched" }, hit.note) : null,
    hit.views?.length ? make("span", { class: "variant", title: "Files of the same design; open it to see them" }, counted(hit.views.length, "view")) : null,
    hit.variant ? make("span", { class: "variant", title: "Your drawing matched this image best like this" }, hit.variant) : null,
    measure(hit),
  );
  const label = RELATIONS[hit.relation];
  const relation = label ? make("span", { class: `relation ${hit.relation}` }, label) : null;
  const open = make(
    "button",
    { type: "button", class: "open", click: act.open },
    make("span", { class: "picture" }, image, boxOf(hit), relation),
    caption,
    make("span", { class: "scores" }),
  );
  const more = make("button", {
    type: "button",
    class: "more",
    "aria-label": `More like ${name}`,
    title: "More like this (M). With Shift: add it to the query",
    click: act.like,
  });
  const box = make("input", { type: "checkbox", "aria-label": `Select ${name}`, click: (event) => act.pick(event.target.checked, event.shiftKey) });
  box.checked = picked;
  const pick = make("label", { class: "pick", title: "Select (C). With Shift: all up to here" }, box);
  return Object.assign(make("div", { class: "hit", role: "listitem" }, open, pick, more), { hit, image, box });
}

export function place(made, { width, height }) {
  made.style.setProperty("--w", `${width}px`);
  made.style.setProperty("--h", `${height.toFixed(2)}px`);
  made.classList.toggle("slim", width < SLIM);
  made.image.sizes = `${Math.ceil(width)}px`;
}

export const ratio = (made) => ratioOf(made.hit);
