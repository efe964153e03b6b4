// Picking a colour off the picture: by pointer, or with a cross that the arrow keys move.

import { arrow, byId, make, placeOn } from "./elements.js";

const SIDE = 400; // pixels of the copy that is read from: a colour is that of a small neighbourhood

let sheet = null;
let image = null;
let layer = null;
let at = { x: 0.5, y: 0.5 };
let take = () => {};

const toggle = byId("dropper-use");

// shown: what shows the one picture, with its <img>; null where there is none a browser can show.
export function attach(shown) {
  end();
  sheet = shown;
  image = shown?.querySelector("img") ?? null;
  toggle.hidden = !image;
}

export function start(onColour) {
  take = onColour;
  toggle.addEventListener("click", () => (layer ? end() : begin()));
}

function begin() {
  if (!image?.naturalWidth) return;
  const read = reader();
  const output = make("output", { class: "colour-name" });
  const cross = make("span", { class: "cross" }, output);
  const look = () => {
    const colour = read(at);
    cross.style.setProperty("--x", `${100 * at.x}%`);
    cross.style.setProperty("--y", `${100 * at.y}%`);
    cross.style.setProperty("--colour", colour);
    output.textContent = colour;
    return colour;
  };
  const follow = (event) => {
    at = placeOn(sheet, event);
    look();
  };
  const pick = () => {
    take(look());
    end();
    toggle.focus({ preventScroll: true });
  };
  const byKey = (event) => {
    const step = arrow(event);
    if (step) {
      const pace = event.shiftKey ? 0.1 : 0.01;
      const [x, y] = step.map((way) => way * pace);
      at = { x: Math.min(1, Math.max(0, at.x + x)), y: Math.min(1, Math.max(0, at.y + y)) };
      look();
    } else if (event.key === "Enter" || event.key === " ") pick();
    else if (event.key === "Escape") {
      end();
      toggle.focus();
    } else return;
    event.preventDefault();
  };
  const label = "Pick a colour: arrow keys move the cross, Enter picks the colour, Escape cancels";
  layer = make(
    "div",
    { class: "dropper", tabindex: 0, role: "application", "aria-label": label, keydown: byKey, pointermove: follow },
    cross,
  );
  layer.addEventListener("pointerdown", follow);
  layer.addEventListener("click", pick);
  sheet.append(layer);
  sheet.classList.add("dropping");
  toggle.setAttribute("aria-pressed", "true");
  look();
  layer.focus({ preventScroll: true });
}

function end() {
  layer?.remove();
  layer = null;
  sheet?.classList.remove("dropping");
  toggle.setAttribute("aria-pressed", "false");
}

function reader() {
  const scale = Math.min(1, SIDE / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // what is transparent is looked at on white, as when it is indexed
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return ({ x, y }) => {
    const column = Math.min(canvas.width - 1, Math.floor(x * canvas.width));
    const row = Math.min(canvas.height - 1, Math.floor(y * canvas.height));
    const [red, green, blue] = context.getImageData(column, row, 1, 1).data;
    return `#${[red, green, blue].map((level) => level.toString(16).padStart(2, "0")).join("")}`;
  };
}
