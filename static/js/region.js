// A box around the part of the picture that asks: drawn by mouse or finger, moved by arrow keys.

import { arrow, button, byId, make, placeOn } from "./elements.js";

const SMALLEST = 0.02; // of a side
const FIRST = { x: 0.2, y: 0.2, width: 0.6, height: 0.6 };

let box = null;
let sheet = null; // what shows the picture, while there is just one
let frame = null;
let changed = () => {};
let marks = []; // objects: the box of each, and whether it is to be left out
let objects = null; // the code that shows them, fetched when it is first wanted
let offers = []; // boxes of parts to choose from: each with its label, and what happens when it is taken

const toggle = byId("region-use");
const finder = byId("objects-use");
const order = byId("part-use");
const asText = ({ x, y, width, height }) => [x, y, width, height].map((n) => n.toFixed(4)).join(",");

export function ask(target) {
  if (!sheet) return;
  if (box) target.append("region", asText(box));
  for (const { at, out } of marks) target.append(out ? "ignore" : "region", asText(at));
}

// What a search for a part inside other images does not go with.
const OTHERWISE = ["text", "not_text", "color", "weights", "preset", "metric"];

let leftOut = false;

// How the area is looked for; the last of the conditions, for it depends on the others.
export function askHow(target) {
  const meant = order.value !== "whole" && target.has("region");
  leftOut = meant && OTHERWISE.some((name) => target.has(name));
  if (meant && !leftOut) target.append("part", order.value);
}

// What to know about how the area was looked for.
export const notes = () => (leftOut ? ["The area was compared with whole images: words, colours and “Match on” do not go with looking inside of them."] : []);

export function parse(text) {
  const [x, y, width, height] = text.split(",").map(Number);
  return width > 0 && height > 0 && x >= 0 && y >= 0 ? { x, y, width, height } : null;
}

const all = (params, name) => params.getAll(name).map(parse).filter(Boolean);

export function read(params) {
  const asked = all(params, "region");
  box = asked.length === 1 ? asked.pop() : null;
  order.value = params.get("part") ?? "whole";
  if (order.selectedIndex < 0) order.value = "whole";
  marks = [...asked.map((at) => ({ at, out: false })), ...all(params, "ignore").map((at) => ({ at, out: true }))];
}

export function reset() {
  box = null;
  marks = [];
}

// Parts of the picture to ask for, or to leave out, in place of a box that is drawn.
export function mark(to) {
  marks = to;
  if (marks.some(({ out }) => !out)) set(null);
  else show();
  changed(0);
}

// The picture on show has changed; null where there is none, or more than one.
export function attach(shown) {
  sheet = shown;
  toggle.hidden = finder.hidden = !sheet;
  frame = null;
  offers = [];
  show();
  objects?.close();
  if (sheet && marks.length) withObjects((module) => module.show(sheet, marks));
  sheet?.addEventListener("pointerdown", grab);
}

// Boxes of parts (x, y, width and height) to choose from. label says what choosing the part with a
// number does; take does it, once the box lies there.
export function offer(parts, label, take) {
  // The largest first, so that a smaller one within it lies above.
  const sorted = [...parts].sort((a, b) => b.width * b.height - a.width * a.height);
  offers = sorted.map((part, at) => ({ part, label: label(at + 1, sorted.length), take }));
  showOffers();
}

export function start(onChange) {
  changed = onChange;
  toggle.addEventListener("click", () => {
    set(box ? null : { ...FIRST });
    (box ? frame : toggle).focus();
    changed(0);
  });
  order.addEventListener("change", () => changed(0));
  finder.addEventListener("click", () => withObjects((module) => (module.shown() ? module.leave() : module.find(sheet))));
}

async function withObjects(then) {
  objects ??= await import("./objects.js");
  await then(objects);
}

function set(to) {
  box = to;
  show();
}

function show() {
  toggle.textContent = box ? "The whole picture" : "Select area";
  sheet?.classList.toggle("boxed", Boolean(box));
  order.parentElement.hidden = !sheet || !(box || marks.some(({ out }) => !out));
  showOffers();
  if (!sheet || !box) {
    frame?.remove();
    frame = null;
    return;
  }
  if (!frame) {
    const corners = ["nw", "ne", "sw", "se"].map((corner) => make("span", { class: `corner ${corner}`, "data-corner": corner }));
    frame = make("div", { class: "box", tabindex: 0, role: "group", "aria-roledescription": "box", keydown: byKey }, ...corners);
    sheet.append(frame);
  }
  place(frame, box);
  const whole = (value) => `${Math.round(100 * value)} %`;
  frame.setAttribute(
    "aria-label",
    `Selected area: from ${whole(box.x)} left and ${whole(box.y)} top, ${whole(box.width)} wide, ` +
      `${whole(box.height)} high. Arrow keys move it, Shift and arrow keys resize it, Delete removes it.`,
  );
}

const percent = (value) => `${(100 * value).toFixed(2)}%`;

function place(element, at) {
  for (const side of ["x", "y", "width", "height"]) element.style.setProperty(`--${side}`, percent(at[side]));
}

function showOffers() {
  for (const old of sheet?.querySelectorAll(".offer") ?? []) old.remove();
  if (!sheet || box) return;
  for (const { part, label, take } of offers) {
    const choose = () => {
      set({ x: part.x, y: part.y, width: part.width, height: part.height });
      frame.focus({ preventScroll: true });
      take();
    };
    const choice = button("", choose, { class: "offer", "aria-label": label, title: label });
    place(choice, part);
    sheet.append(choice);
  }
}

// Within the box it moves, on a corner it grows, elsewhere a new one is drawn.
function grab(event) {
  if (!box || event.button !== 0 || sheet.classList.contains("dropping")) return;
  event.preventDefault();
  const start = placeOn(sheet, event);
  const from = { ...box };
  const corner = event.target.dataset?.corner;
  const inside = frame.contains(event.target);
  sheet.setPointerCapture(event.pointerId);
  let anchor = start;
  if (corner) {
    anchor = {
      x: corner.includes("w") ? from.x + from.width : from.x,
      y: corner.includes("n") ? from.y + from.height : from.y,
    };
  }
  const move = (moved) => {
    const at = placeOn(sheet, moved);
    if (inside && !corner) set(shifted(from, at.x - start.x, at.y - start.y));
    else set(spanned(anchor, at));
  };
  const end = () => {
    sheet?.removeEventListener("pointermove", move);
    frame?.focus({ preventScroll: true });
    changed(0);
  };
  sheet.addEventListener("pointermove", move);
  sheet.addEventListener("lostpointercapture", end, { once: true });
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

const shifted = (from, x, y) => ({
  ...from,
  x: clamp(from.x + x, 0, 1 - from.width),
  y: clamp(from.y + y, 0, 1 - from.height),
});

function spanned(a, b) {
  const x = Math.min(a.x, b.x, 1 - SMALLEST);
  const y = Math.min(a.y, b.y, 1 - SMALLEST);
  return { x, y, width: Math.max(SMALLEST, Math.abs(a.x - b.x)), height: Math.max(SMALLEST, Math.abs(a.y - b.y)) };
}

function byKey(event) {
  if (event.key === "Delete" || event.key === "Backspace") {
    toggle.click();
    event.preventDefault();
    return;
  }
  const step = arrow(event);
  if (!step) return;
  event.preventDefault();
  const [x, y] = step.map((way) => way * 0.02);
  if (event.shiftKey) {
    set({
      ...box,
      width: clamp(box.width + x, SMALLEST, 1 - box.x),
      height: clamp(box.height + y, SMALLEST, 1 - box.y),
    });
  } else set(shifted(box, x, y));
  changed(350);
}
