// A box around the part of the picture that asks: drawn by mouse or finger, moved by arrow keys.

import { arrow, byId, make, placeOn } from "./elements.js";

const SMALLEST = 0.02; // of a side
const FIRST = { x: 0.2, y: 0.2, width: 0.6, height: 0.6 };

let box = null;
let sheet = null; // what shows the picture, while there is just one
let frame = null;
let changed = () => {};
let offered = []; // boxes of parts to choose from, as x, y, width and height

const toggle = byId("region-use");

export function ask(target) {
  if (box && sheet) target.append("region", [box.x, box.y, box.width, box.height].map((n) => n.toFixed(4)).join(","));
}

export function read(params) {
  const [x, y, width, height] = (params.get("region") ?? "").split(",").map(Number);
  box = width > 0 && height > 0 && x >= 0 && y >= 0 ? { x, y, width, height } : null;
}

export const reset = () => (box = null);

// The picture on show has changed; null where there is none, or more than one.
export function attach(shown) {
  sheet = shown;
  toggle.hidden = !sheet;
  frame = null;
  show();
  sheet?.addEventListener("pointerdown", grab);
}

// Parts of the picture that may be asked with, each by itself.
export function offer(parts) {
  offered = parts;
  showOffered();
}

function showOffered() {
  for (const old of sheet?.querySelectorAll(".offered") ?? []) old.remove();
  if (!sheet || box) return;
  offered.forEach(([x, y, width, height], at) => {
    const click = () => {
      set({ x, y, width, height });
      frame.focus({ preventScroll: true });
      changed(0);
    };
    const label = `Search with drawing ${at + 1} of ${offered.length}`;
    const shown = make("button", { type: "button", class: "offered", "aria-label": label, title: label, click });
    const sides = { x, y, width, height };
    for (const side of Object.keys(sides)) shown.style.setProperty(`--${side}`, `${(100 * sides[side]).toFixed(2)}%`);
    sheet.append(shown);
  });
}

export function start(onChange) {
  changed = onChange;
  toggle.addEventListener("click", () => {
    set(box ? null : { ...FIRST });
    (box ? frame : toggle).focus();
    changed(0);
  });
}

function set(to) {
  box = to;
  show();
}

function show() {
  toggle.textContent = box ? "The whole picture" : "Mark a part";
  sheet?.classList.toggle("boxed", Boolean(box));
  showOffered();
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
  const percent = (value) => `${(100 * value).toFixed(2)}%`;
  for (const side of ["x", "y", "width", "height"]) frame.style.setProperty(`--${side}`, percent(box[side]));
  const whole = (value) => `${Math.round(100 * value)} %`;
  frame.setAttribute(
    "aria-label",
    `Part searched with: from ${whole(box.x)} left and ${whole(box.y)} top, ${whole(box.width)} wide, ` +
      `${whole(box.height)} high. Arrow keys move it, with Shift they size it, Delete removes it.`,
  );
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
