// The drawing as it is compared, cleaned of its paper, and the way back to the original.

import { byId } from "./elements.js";
import { count } from "./format.js";
import * as region from "./region.js";

const box = byId("cleaned");
const use = byId("cleaned-use");
let original = false;
let changed = () => {};

export function ask(target) {
  if (original) target.append("original", "1");
}

export function read(params) {
  original = params.get("original") === "1";
}

export function reset() {
  original = false;
}

export function hide() {
  box.hidden = true;
}

// What an answer says of a sketch; drawing is missing where the original was compared.
export function tell({ kind, drawing = null }) {
  const shown = Boolean(drawing) || (original && kind === "sketch");
  box.hidden = !shown;
  if (drawing?.parts.length > 1) {
    const parts = drawing.parts.map(([x, y, width, height]) => ({ x, y, width, height }));
    region.offer(parts, (number, of) => `Search with drawing ${number} of ${of}`, () => changed(0));
  }
  if (!shown) return;
  const image = byId("cleaned-picture");
  image.hidden = !drawing;
  if (drawing) image.src = drawing.preview;
  byId("cleaned-steps").textContent = drawing ? words(drawing) : "The original picture was compared.";
  use.textContent = drawing ? "Use the original instead" : "Clean the drawing";
}

function words({ steps, parts }) {
  const done = `Your drawing as it was compared${steps.length ? `, with ${steps.join(", ")}` : ""}.`;
  return parts.length > 1 ? `${done} There are ${count(parts.length)} drawings; choose one on the picture.` : done;
}

export function start(onChange) {
  changed = onChange;
  use.addEventListener("click", () => {
    original = !original;
    changed(0);
  });
}
