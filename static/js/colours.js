// Colours that the hits should have, with their shares: from a palette, picked freely, or off the
// picture. Nothing is asked before one is picked.

import { button, byId, make } from "./elements.js";

const MOST = 5;
const PALETTE = {
  black: "#1b1b1b",
  white: "#f8f8f6",
  grey: "#8d8d8d",
  silver: "#c4c7cc",
  gold: "#d4af37",
  rose: "#d9978a",
  copper: "#b0693c",
  brown: "#6b4226",
  red: "#c62828",
  orange: "#e8792b",
  yellow: "#f0cf3a",
  green: "#2e8b57",
  teal: "#1f8a8a",
  blue: "#2457b8",
  navy: "#1c2c54",
  purple: "#6f3fa0",
  pink: "#e58bb0",
};

let picked = []; // { colour, share }
let changed = () => {};

const list = byId("colours");
const more = byId("colours-more");
const free = byId("colour-free");

export function ask(target) {
  for (const { colour, share } of picked) target.append("color", picked.length > 1 ? `${colour}:${share}` : colour);
}

export function read(params) {
  picked = params
    .getAll("color")
    .map((text) => text.split(":"))
    .filter(([colour]) => /^#[0-9a-f]{6}$/i.test(colour))
    .slice(0, MOST)
    .map(([colour, share]) => ({ colour: colour.toLowerCase(), share: Math.min(9, Math.max(1, Math.round(Number(share)) || 5)) }));
  show();
}

export const brief = () => picked.map(({ colour }) => nameOf(colour)).join(", ");

export function add(colour) {
  if (picked.some((other) => other.colour === colour)) return;
  picked = [...picked.slice(picked.length >= MOST ? 1 : 0), { colour, share: 5 }];
  show();
  changed(0);
}

export function start(onChange) {
  changed = onChange;
  byId("palette").prepend(
    ...Object.entries(PALETTE).map(([name, colour]) =>
      make("li", {}, button(null, () => add(colour), { class: "swatch", "--colour": colour, "aria-label": name, title: name })),
    ),
  );
  free.addEventListener("change", () => add(free.value));
  show();
}

const nameOf = (colour) => Object.entries(PALETTE).find(([, value]) => value === colour)?.[0] ?? colour;

function show() {
  const total = picked.reduce((sum, { share }) => sum + share, 0);
  list.hidden = !picked.length;
  list.replaceChildren(...picked.map((row) => shown(row, total)));
  more.querySelector("summary").firstChild.textContent = picked.length ? "Another colour" : "Colours";
}

function shown(row, total) {
  const name = nameOf(row.colour);
  const output = make("output", {}, picked.length > 1 ? `${Math.round((100 * row.share) / total)} %` : name);
  const share = make("input", { type: "range", min: 1, max: 9, value: row.share, "aria-label": `Share of ${name}`, hidden: picked.length < 2 });
  share.addEventListener("input", () => {
    row.share = Number(share.value);
    tellShares();
    changed(300, "shares"); // milliseconds: the hand is still on the slider
  });
  const drop = () => {
    picked = picked.filter((other) => other !== row);
    show();
    more.querySelector("summary").focus();
    changed(0);
  };
  const dot = make("span", { class: "spot", "--colour": row.colour, title: name });
  return make("li", {}, dot, share, output, button("×", drop, { class: "round", "aria-label": `Remove ${name}` }));
}

function tellShares() {
  const total = picked.reduce((sum, { share }) => sum + share, 0);
  list.querySelectorAll("output").forEach((output, at) => (output.textContent = `${Math.round((100 * picked[at].share) / total)} %`));
}
