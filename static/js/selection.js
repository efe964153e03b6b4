// Images chosen to be compared, downloaded, printed or checked, in a tray at the foot of the page.

import { button, byId, make } from "./elements.js";
import { basename, count } from "./format.js";
import { notice } from "./notices.js";

const MOST = 500; // as many as the service takes at once
const COMPARED = 4;
const SHOWN = 6;
const tray = byId("tray");
const listeners = [];
let chosen = new Map(); // hits by id
let compare = () => {};
let actions = null;

export const onChange = (listener) => listeners.push(listener);
export const has = (hit) => chosen.has(hit.id);
export const all = () => [...chosen.values()];

export const set = (hit, on) => setAll([hit], on);

export function setAll(hits, on = true) {
  for (const hit of hits) {
    chosen.delete(hit.id); // the latest is the last
    if (on) chosen.set(hit.id, hit);
  }
  if (chosen.size > MOST) {
    chosen = new Map([...chosen].slice(0, MOST));
    notice("selection", `At most ${MOST} images can be selected at once.`, { kind: "warning" });
  }
  show();
}

export function clear() {
  chosen.clear();
  show();
  byId("results-title").focus({ preventScroll: true });
}

export function start(onCompare) {
  compare = onCompare;
  byId("tray-compare").addEventListener("click", () => compare(all()));
  byId("tray-clear").addEventListener("click", clear);
}

// Kept while the query changes: what was found before may be compared with what is found now.
function show() {
  const number = chosen.size;
  tray.hidden = !number;
  document.body.classList.toggle("with-tray", number > 0);
  byId("tray-text").textContent = number === 1 ? "One image selected. Compare it with your query, or select another." : `${count(number)} selected`;
  byId("tray-compare").disabled = !number || number > COMPARED;
  byId("tray-compare").title = number > COMPARED ? `Compare takes up to ${COMPARED} images` : "";
  const shown = all().slice(-SHOWN);
  byId("tray-list").replaceChildren(
    ...(number > SHOWN ? [make("li", { class: "others" }, `+${count(number - SHOWN)}`)] : []),
    ...shown.map((hit) => {
      const image = make("img", { src: hit.thumbnail, alt: basename(hit.path), width: hit.width, height: hit.height });
      return make("li", {}, image, button("×", () => set(hit, false), { class: "round", "aria-label": `Deselect ${basename(hit.path)}` }));
    }),
  );
  // What else can be done comes with the first image that is chosen.
  if (number) actions ??= import("./actions.js").then((module) => module.start(tray), () => (actions = null));
  for (const listener of listeners) listener();
}
