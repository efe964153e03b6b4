// One hit in the grid: picture, name, score, why it matches, and what can be done with it.

import { make } from "./elements.js";
import { basename, score } from "./format.js";
import { ratioOf } from "./layout.js";
import { word } from "./words.js";

const SIDES = [320, 640, 1600]; // of thumbnails, as the service makes them
const SLIM = 168; // pixels of width under which there is no room for words on the picture

// Pictures of every size that there is; `sizes` on the image says which is needed.
function sources(hit) {
  const across = (side) => Math.min(hit.width || side, Math.round(side * Math.min(1, hit.width / hit.height || 1)));
  return SIDES.map((side) => `${sized(hit, side)} ${across(side)}w`)
    .filter((_, at) => at === 0 || across(SIDES[at]) > across(SIDES[at - 1]))
    .join(", ");
}

export const sized = (hit, side) => hit.thumbnail.replace(/side=\d+/, `side=${side}`);

// What each part adds to the score; one scale for all hits, so that they compare.
export function bars({ scores, contributions }, parts, whole) {
  return parts.map((part) => {
    const value = contributions[part] ?? 0;
    const share = `${Math.round(100 * Math.min(1, Math.max(0, value / whole)))}%`;
    const title = `${part}: cosine ${score(scores[part] ?? 0)}, adds ${score(value)} to the score`;
    return make(
      "span",
      { class: "part", title },
      make("span", {}, word(part)),
      make("i", { "--share": share }),
      make("b", {}, value.toFixed(2).replace("-0.00", "0.00").replace("-", "−")),
    );
  });
}

// What a hit is in its place for. Of a check, those that match come first, the surest match before
// the others, whatever their likeness; then come the others by likeness.
function measure({ evidence, score: likeness }) {
  if (!evidence) return make("span", { class: "score", title: "Score: higher is more alike" }, score(likeness));
  const matches = evidence.score > 0 ? `match ${evidence.score.toFixed(1)}` : "";
  return make("span", { class: "score", title: "How much matches under one geometry: higher is surer" }, matches);
}

const RELATIONS = { exact: "Same file", near: "Same picture", similar: "Similar" };

// `act`: open, like (told the event), pick (told whether picked), all for this hit.
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
    hit.variant ? make("span", { class: "variant", title: "Your drawing was most like this image when it was so" }, hit.variant) : null,
    measure(hit),
  );
  const said = RELATIONS[hit.relation];
  const relation = said ? make("span", { class: `relation ${hit.relation}` }, said) : null;
  const open = make(
    "button",
    { type: "button", class: "open", click: act.open },
    make("span", { class: "picture" }, image, relation),
    caption,
    make("span", { class: "scores" }),
  );
  const more = make("button", {
    type: "button",
    class: "more",
    "aria-label": `More like ${name}`,
    title: "More like this (M); with Shift, beside what is asked for already",
    click: act.like,
  });
  const box = make("input", { type: "checkbox", "aria-label": `Compare ${name}`, change: (event) => act.pick(event.target.checked) });
  box.checked = picked;
  const pick = make("label", { class: "pick", title: "Select to compare (C)" }, box);
  return Object.assign(make("div", { class: "hit", role: "listitem" }, open, pick, more), { hit, image, box });
}

export function place(made, { width, height }) {
  made.style.setProperty("--w", `${width}px`);
  made.style.setProperty("--h", `${height.toFixed(2)}px`);
  made.classList.toggle("slim", width < SLIM);
  made.image.sizes = `${Math.ceil(width)}px`;
}

export const ratio = (made) => ratioOf(made.hit);
