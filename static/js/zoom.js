// Looking closer: wheel, pinch, double click, + and −; dragging moves. Several views can share one
// look, so that they show the same part.

import { arrow, plain } from "./elements.js";

const MOST = 16;
const STEP = 1.4;

export class Look {
  constructor(onChange = () => {}) {
    this.onChange = onChange;
    this.views = [];
    this.reset();
  }

  reset() {
    this.scale = 1;
    this.x = 0; // how far the middle is moved, in widths and heights of the picture
    this.y = 0;
    this.show();
  }

  // Scale by a factor about a point given in fractions of the picture, measured from its middle.
  by(factor, x = 0, y = 0) {
    const scale = Math.min(MOST, Math.max(1, this.scale * factor));
    const grown = scale / this.scale;
    this.x = x - (x - this.x) * grown;
    this.y = y - (y - this.y) * grown;
    this.scale = scale;
    this.show();
  }

  move(x, y) {
    this.x += x;
    this.y += y;
    this.show();
  }

  show() {
    const most = (this.scale - 1) / 2 + (this.scale > 1 ? 0.2 : 0);
    this.x = Math.min(most, Math.max(-most, this.x));
    this.y = Math.min(most, Math.max(-most, this.y));
    for (const { inner } of this.views) {
      inner.style.setProperty("--x", `${100 * this.x}%`);
      inner.style.setProperty("--y", `${100 * this.y}%`);
      inner.style.setProperty("--scale", this.scale);
    }
    this.onChange(this.scale);
  }

  // `stage` is the window, `inner` what is moved in it; its shape stays that of the picture.
  attach(stage, inner) {
    const view = { stage, inner };
    this.views.push(view);
    watch(this, view);
    this.show();
  }

  detach() {
    this.views = [];
  }

  // Whether the key meant something here.
  key(event) {
    if (!plain(event)) return false;
    if (event.key === "+" || event.key === "=") this.by(STEP);
    else if (event.key === "-") this.by(1 / STEP);
    else if (event.key === "0") this.reset();
    else if (event.shiftKey && arrow(event)) this.move(...arrow(event).map((way) => -0.15 * way));
    else return false;
    event.preventDefault();
    return true;
  }
}

function watch(look, { stage, inner }) {
  const fingers = new Map();
  // From the middle of the picture as it lies without zoom, in its widths and heights.
  const where = (event) => {
    const box = inner.getBoundingClientRect();
    const width = box.width / look.scale;
    const height = box.height / look.scale;
    const centre = { x: box.left + box.width / 2 - look.x * width, y: box.top + box.height / 2 - look.y * height };
    return { x: (event.clientX - centre.x) / width, y: (event.clientY - centre.y) / height };
  };
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const at = where(event);
      look.by(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), at.x, at.y);
    },
    { passive: false },
  );
  stage.addEventListener("dblclick", (event) => {
    const at = where(event);
    if (look.scale > 1.01) look.reset();
    else look.by(2.5, at.x, at.y);
  });
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button, input, a")) return;
    fingers.set(event.pointerId, where(event));
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = where(event);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, now);
    if (other) {
      const grown = apart(now, other) / Math.max(0.001, apart(before, other));
      look.by(grown, (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else if (look.scale > 1) look.move(now.x - before.x, now.y - before.y);
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
}

const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

// The largest size with the picture's shape that the stage has room for, in pixels.
export function contain(stage, inner, ratio, most = Infinity) {
  const style = getComputedStyle(stage);
  const room = (side, ends) => side - ends.reduce((sum, end) => sum + Number.parseFloat(style[end]), 0);
  const width = room(stage.clientWidth, ["paddingLeft", "paddingRight"]);
  const height = room(stage.clientHeight, ["paddingTop", "paddingBottom"]);
  const across = Math.max(1, Math.min(width, height * ratio, most));
  inner.style.setProperty("--across", `${across}px`);
  inner.style.setProperty("--down", `${across / ratio}px`);
}
