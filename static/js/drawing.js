// The sheet to draw on: pen and eraser, undo and redo, tracing over a faint picture. By pointer, or
// with a crayon that the arrow keys move.

import { arrow, byId, make, plain } from "./elements.js";
import { isBlank, paint, paintStroke, picture } from "./strokes.js";

const SIDE = 1200; // pixels of the sheet's longer side
const SENT = 640; // pixels of the picture that is searched with
const PAUSE = 250; // milliseconds after a stroke in which another may follow

const panel = byId("drawing");
const canvas = byId("canvas");
const context = canvas.getContext("2d", { willReadFrequently: true });
const trace = byId("trace");
const paper = byId("paper");

let strokes = [];
let undone = [];
let traced = null; // the picture under the sheet, as a file
let current = null;
let crayon = null; // where the keys have moved to
let timer = 0;
let drawn = () => {};

const ratio = () => canvas.width / canvas.height;
const tool = () => panel.querySelector("[name=tool]:checked").value;
const width = () => Number(byId("draw-width").value) / 1000;

// onDrawn gets { file, drawing }, or null for a blank sheet.
export function start(onDrawn) {
  drawn = onDrawn;
  paper.addEventListener("pointerdown", press);
  canvas.addEventListener("keydown", byKey);
  panel.addEventListener("keydown", shortcuts);
  byId("draw-undo").addEventListener("click", undo);
  byId("draw-redo").addEventListener("click", redo);
  byId("draw-clear").addEventListener("click", () => isBlank(context) || add({ tool: "clear", width: 0, points: [] }));
  byId("draw-done").addEventListener("click", done);
  byId("trace-file").addEventListener("change", (event) => {
    if (event.target.files.length) under(event.target.files[0]);
    event.target.value = "";
  });
  byId("trace-strength").addEventListener("input", faint);
  byId("trace-remove").addEventListener("click", () => {
    under(null);
    canvas.focus();
  });
}

// Opens the sheet: with a drawing to go on with, or blank over a picture.
export async function open({ drawing = null, over = null } = {}) {
  strokes = [...(drawing?.strokes ?? [])];
  undone = [];
  crayon = null;
  paper.querySelector(".crayon")?.remove();
  panel.hidden = false;
  // At once as it stays: no sheet may move from under the pen when the first answer comes.
  document.body.classList.add("drawing-now");
  document.body.classList.remove("start");
  await under(drawing ? drawing.traced : over, drawing?.ratio);
  canvas.focus({ preventScroll: true });
}

export function close() {
  if (panel.hidden) return;
  panel.hidden = true;
  flush();
  document.body.classList.remove("drawing-now");
  byId("draw").focus({ preventScroll: true });
}

// A sheet that was left blank is taken away as if it had never been there.
function done() {
  close();
  if (isBlank(context)) drawn(null);
}

async function under(file, shape = 1) {
  traced = file;
  URL.revokeObjectURL(trace.src);
  trace.hidden = !file;
  for (const part of panel.querySelectorAll(".tracing")) part.hidden = !file;
  byId("trace-choose").hidden = byId("trace-file").disabled = Boolean(file);
  if (file) {
    trace.src = URL.createObjectURL(file);
    const shown = await trace.decode().then(() => true, () => false);
    if (!shown) return under(null, shape); // a format that browsers do not show
    shape = trace.naturalWidth / trace.naturalHeight;
  }
  canvas.width = Math.round(SIDE * Math.min(1, shape));
  canvas.height = Math.round(SIDE / Math.max(1, shape));
  panel.style.setProperty("--ratio", shape);
  faint();
  show();
}

const faint = () => trace.style.setProperty("--strength", byId("trace-strength").value / 100);

function show() {
  paint(context, strokes, SIDE);
  byId("draw-undo").disabled = !strokes.length;
  byId("draw-redo").disabled = !undone.length;
}

function add(stroke) {
  strokes.push(stroke);
  undone = [];
  show();
  showState();
}

function undo() {
  if (!strokes.length) return;
  undone.push(strokes.pop());
  show();
  showState();
}

function redo() {
  if (!undone.length) return;
  strokes.push(undone.pop());
  show();
  showState();
}

function showState() {
  clearTimeout(timer);
  timer = setTimeout(tell, PAUSE);
}

// Done is done: what was drawn last is not waited for.
function flush() {
  if (!timer) return;
  clearTimeout(timer);
  tell();
}

async function tell() {
  timer = 0;
  if (isBlank(context)) {
    drawn(null);
    return;
  }
  const drawing = { strokes: [...strokes], ratio: ratio(), traced };
  const content = await picture(drawing, SENT);
  drawn({ file: new File([content], "drawing.png", { type: "image/png" }), drawing });
}

function spot(event) {
  const box = canvas.getBoundingClientRect();
  const long = Math.max(box.width, box.height);
  const pressure = event.pointerType === "pen" ? event.pressure : 0.5;
  return [(event.clientX - box.left) / long, (event.clientY - box.top) / long, pressure];
}

function press(event) {
  if (event.button !== 0 || current) return;
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  clearTimeout(timer); // the next picture shows this stroke too
  paper.setPointerCapture(event.pointerId);
  // The other end of a stylus rubs out.
  const stroke = { tool: event.buttons & 32 ? "eraser" : tool(), width: width(), points: [spot(event)] };
  current = stroke;
  context.setTransform(SIDE, 0, 0, SIDE, 0, 0);
  paintStroke(context, stroke);
  const move = (moved) => {
    if (moved.pointerId !== event.pointerId) return;
    const all = moved.getCoalescedEvents?.() ?? [];
    const from = stroke.points.length;
    stroke.points.push(...(all.length ? all : [moved]).map(spot));
    paintStroke(context, stroke, from);
  };
  const end = () => {
    paper.removeEventListener("pointermove", move);
    current = null;
    add(stroke);
  };
  paper.addEventListener("pointermove", move);
  paper.addEventListener("lostpointercapture", end, { once: true });
}

function shortcuts(event) {
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key.toLowerCase() === "z") {
    (event.shiftKey ? redo : undo)();
    event.preventDefault();
  } else if (command && event.key.toLowerCase() === "y") {
    redo();
    event.preventDefault();
  } else if (event.key === "Escape") done();
}

// Arrow keys move a crayon; the space bar sets it down and lifts it.
function byKey(event) {
  const step = arrow(event);
  if (step) {
    event.preventDefault();
    crayon ??= { x: ratio() < 1 ? ratio() / 2 : 0.5, y: ratio() > 1 ? 0.5 / ratio() : 0.5, stroke: null };
    const pace = event.shiftKey ? 0.1 : 0.02;
    crayon.x = Math.min(Math.min(1, ratio()), Math.max(0, crayon.x + step[0] * pace));
    crayon.y = Math.min(Math.min(1, 1 / ratio()), Math.max(0, crayon.y + step[1] * pace));
    if (crayon.stroke) {
      crayon.stroke.points.push([crayon.x, crayon.y, 0.5]);
      context.setTransform(SIDE, 0, 0, SIDE, 0, 0);
      paintStroke(context, crayon.stroke, crayon.stroke.points.length - 1);
    }
    showCrayon();
  } else if (event.key === " " && plain(event)) {
    event.preventDefault();
    if (!crayon) return;
    if (crayon.stroke) {
      const { stroke } = crayon;
      crayon.stroke = null;
      add(stroke);
    } else crayon.stroke = { tool: tool(), width: width(), points: [[crayon.x, crayon.y, 0.5]] };
    showCrayon();
  } else if (plain(event) && ["p", "e"].includes(event.key.toLowerCase())) {
    const value = event.key.toLowerCase() === "p" ? "pen" : "eraser";
    panel.querySelector(`[name=tool][value=${value}]`).checked = true;
  }
}

function showCrayon() {
  const mark = paper.querySelector(".crayon") ?? paper.appendChild(make("span", { class: "crayon", "aria-hidden": "true" }));
  mark.style.setProperty("--x", `${(100 * crayon.x) / Math.min(1, ratio())}%`);
  mark.style.setProperty("--y", `${100 * crayon.y * Math.max(1, ratio())}%`);
  mark.classList.toggle("down", Boolean(crayon.stroke));
}
