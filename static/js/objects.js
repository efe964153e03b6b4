// The objects in the one picture of the query: boxes with names, to ask for or to leave out.

import { call } from "./api.js";
import { button, byId, make, styled } from "./elements.js";
import { counted } from "./format.js";
import { clear, notice } from "./notices.js";
import * as pictures from "./pictures.js";
import * as region from "./region.js";

const finder = byId("objects-use");
const panel = byId("objects");
const SAME = 0.0002; // of a side: as much as is lost in an address

let sheet = null;
let things = []; // { at, name, use }: use is "", "ask" or "out"
let leaving = false; // whether a click leaves a thing out

styled("objects.css");

export const shown = () => !panel.hidden;

// Asks what is in the picture that the sheet shows.
export async function find(on) {
  const form = new FormData();
  pictures.ask(form);
  clear("objects");
  finder.disabled = true;
  finder.textContent = "Finding objects…";
  finder.classList.add("working");
  try {
    const { objects } = await call("POST", "objects", { body: form });
    if (!on.isConnected) return; // another picture came
    if (objects.length) show(on, [], objects);
    else notice("objects", "No object stands out in this picture. Select an area instead.", { kind: "warning" });
  } catch (error) {
    notice("objects", error.message, { kind: "error" });
  } finally {
    finder.disabled = false;
    finder.classList.remove("working");
    if (!shown()) finder.textContent = "Find objects";
  }
}

// Shows what was found, and what is marked already.
export function show(on, marks, found = []) {
  sheet = on;
  things = found.map(({ region: text, name }) => ({ at: region.parse(text), name, use: "" }));
  for (const { at, out } of marks) {
    const known = things.find((thing) => same(thing.at, at));
    if (known) known.use = out ? "out" : "ask";
    else things.push({ at, name: "", use: out ? "out" : "ask" });
  }
  // The largest first, so that a smaller one within it lies above.
  things.sort((a, b) => b.at.width * b.at.height - a.at.width * a.at.height);
  panel.hidden = false;
  finder.textContent = "The whole picture";
  finder.setAttribute("aria-expanded", "true");
  panel.replaceChildren(choice(), make("p", { class: "hint", role: "status" }, summary()));
  drawBoxes();
  if (!marks.length) sheet.querySelector(".thing")?.focus({ preventScroll: true });
}

const same = (a, b) => ["x", "y", "width", "height"].every((side) => Math.abs(a[side] - b[side]) < SAME);

function choice() {
  const one = (label, value) =>
    make("label", {},
      make("input", { type: "radio", name: "objects-way", checked: leaving === value, change: () => (leaving = value) }),
      make("span", {}, label));
  return make("fieldset", { class: "segments" }, make("legend", { class: "hidden" }, "A click on an object"), one("Search for", false), one("Leave out", true));
}

function summary() {
  const [asked, out] = ["ask", "out"].map((use) => things.filter((thing) => thing.use === use).length);
  if (!asked && !out) return `${counted(things.length, "object")} found. Choose one or several.`;
  const parts = [asked && `${counted(asked, "object")} searched for`, out && `${counted(out, "object")} left out`];
  return `${parts.filter(Boolean).join(", ")}.`;
}

function drawBoxes() {
  for (const old of sheet.querySelectorAll(".thing")) old.remove();
  things.forEach((thing, at) => {
    const name = thing.name || `Object ${at + 1}`;
    const chip = thing.name && make("span", { class: "chip" }, thing.name);
    const box = button(chip || "", () => toggle(thing, box), { class: "thing", title: name });
    for (const side of ["x", "y", "width", "height"]) box.style.setProperty(`--${side}`, `${(100 * thing.at[side]).toFixed(2)}%`);
    tell(box, thing, name);
    sheet.append(box);
  });
}

function tell(box, thing, name) {
  box.classList.toggle("asked", thing.use === "ask");
  box.classList.toggle("out", thing.use === "out");
  box.setAttribute("aria-pressed", String(Boolean(thing.use)));
  box.setAttribute("aria-label", `${name}${thing.use === "out" ? ", left out" : ""}`);
}

function toggle(thing, box) {
  const use = leaving ? "out" : "ask";
  thing.use = thing.use === use ? "" : use;
  tell(box, thing, box.title);
  panel.querySelector("p").textContent = summary();
  const chosen = things.filter((one) => one.use);
  region.mark(chosen.map((one) => ({ at: one.at, out: one.use === "out" })));
}

// Back to the whole picture.
export function leave() {
  const marked = things.some((thing) => thing.use);
  close();
  finder.focus();
  if (marked) region.mark([]);
}

export function close() {
  for (const old of sheet?.querySelectorAll(".thing") ?? []) old.remove();
  sheet = null;
  things = [];
  leaving = false;
  panel.hidden = true;
  finder.textContent = "Find objects";
  finder.setAttribute("aria-expanded", "false");
}
