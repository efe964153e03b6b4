// What every hit must fulfil: folder, name, date, size, orientation.

import { call } from "./api.js";
import { byId, make } from "./elements.js";

const box = byId("filters");
const fields = [...box.querySelectorAll("input, select")];
const folders = new Set();

const inUse = () => fields.filter((field) => field.value.trim());

// exact: as the service takes it, not as an address keeps it.
export function ask(target, exact = target instanceof FormData) {
  for (const field of inUse()) {
    let value = field.value.trim();
    // The day that is named belongs to those asked for.
    if (field.name === "before" && exact) value = nextDay(value);
    target.append(field.name, value);
  }
}

export function read(params) {
  for (const field of fields) field.value = params.get(field.name) ?? "";
  box.open ||= inUse().length > 0;
  count();
}

export function clear() {
  for (const field of fields) field.value = "";
  count();
}

const named = (name) => fields.find((field) => field.name === name);

export function set(name, value) {
  named(name).value = value;
  count();
}

// The value of a filter, which is then cleared.
export function take(name) {
  const value = named(name).value.trim();
  set(name, "");
  return value;
}

// A label asks by itself; the other filters only limit what is asked.
export const labelled = () => Boolean(named("label").value.trim());

export const brief = () => inUse().map((field) => field.value.trim()).join(", ");

function nextDay(date) {
  const next = new Date(`${date}T12:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString().slice(0, 10);
}

// Folders seen among the hits are offered for the next search.
export function learn(hits) {
  for (const { path } of hits) {
    if (path.includes("/")) folders.add(path.slice(0, path.lastIndexOf("/")));
  }
  byId("folders").replaceChildren(...[...folders].sort().map((value) => make("option", { value })));
}

function count() {
  const number = inUse().length;
  byId("filters-count").textContent = number ? `· ${number}` : "";
  byId("filters-clear").hidden = !number;
}

// The labels of the collection, asked for when the filters are opened.
async function learnLabels() {
  const { labels } = await call("GET", "labels").catch(() => ({ labels: [] }));
  byId("labels").replaceChildren(...labels.map(({ name }) => make("option", { value: name })));
}

export function start(changed) {
  box.addEventListener("toggle", learnLabels, { once: true });
  box.addEventListener("change", () => {
    count();
    changed();
  });
  byId("filters-clear").addEventListener("click", () => {
    clear();
    fields[0].focus();
    changed();
  });
  count();
}
