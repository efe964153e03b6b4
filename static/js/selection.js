// Two to four pictures chosen to be compared, in a tray at the foot of the page.

import { button, byId, make } from "./elements.js";
import { basename } from "./format.js";

const MOST = 4;
const tray = byId("tray");
const listeners = [];
let chosen = [];
let compare = () => {};

export const onChange = (listener) => listeners.push(listener);
export const has = (hit) => chosen.some((other) => other.id === hit.id);

export function set(hit, on) {
  const rest = chosen.filter((other) => other.id !== hit.id);
  chosen = on ? [...rest, hit].slice(-MOST) : rest;
  show();
}

export function start(onCompare) {
  compare = onCompare;
  byId("tray-compare").addEventListener("click", () => compare(chosen));
  byId("tray-clear").addEventListener("click", () => {
    chosen = [];
    show();
    byId("results-title").focus({ preventScroll: true });
  });
}

// Kept while the query changes: what was found before may be compared with what is found now.
function show() {
  tray.hidden = !chosen.length;
  document.body.classList.toggle("with-tray", chosen.length > 0);
  byId("tray-text").textContent = chosen.length === 1 ? "One image selected. Compare it with your query, or select another." : `${chosen.length} selected`;
  byId("tray-compare").disabled = !chosen.length;
  byId("tray-list").replaceChildren(
    ...chosen.map((hit) => {
      const image = make("img", { src: hit.thumbnail, alt: basename(hit.path), width: hit.width, height: hit.height });
      return make("li", {}, image, button("×", () => set(hit, false), { class: "round", "aria-label": `Deselect ${basename(hit.path)}` }));
    }),
  );
  for (const listener of listeners) listener();
}
