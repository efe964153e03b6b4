// Finding and making elements. Text is only ever set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  return dressed(document.createElement(tag), attributes, children);
}

export function draw(tag, attributes = {}, ...children) {
  return dressed(document.createElementNS(SVG, tag), attributes, children);
}

function dressed(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("--")) made.style.setProperty(name, value);
    else if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export function button(label, click, attributes = {}) {
  return make("button", { type: "button", click, ...attributes }, label);
}

// The pairs of a <dl>; a pair without a value is left out.
export function fillFacts(list, pairs) {
  list.replaceChildren(
    ...pairs
      .filter(([, value]) => value != null && value !== "")
      .flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, ...[value].flat())]),
  );
}

// A dialog closes by its button, by Escape (built in) and by a click beside it.
export function closable(dialog) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
}

const sheets = new Map();

// A style sheet that is fetched when it is first needed; settled once it is in force.
export function styled(name) {
  if (!sheets.has(name)) {
    const address = new URL(`../css/${name}`, import.meta.url);
    sheets.set(name, new Promise((done) => document.head.append(make("link", { rel: "stylesheet", href: address, load: done, error: done }))));
  }
  return sheets.get(name);
}

// A key pressed alone; with Ctrl, Alt or Meta it is the browser's.
export const plain = (event) => !event.ctrlKey && !event.metaKey && !event.altKey;

// Where an event happened on an element, as fractions of its sides within 0 and 1.
export function placeOn(element, event) {
  const box = element.getBoundingClientRect();
  const within = (value) => Math.min(1, Math.max(0, value));
  return { x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
}

// The step that an arrow key means, or null.
export function arrow(event) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  return plain(event) ? (steps[event.key] ?? null) : null;
}
