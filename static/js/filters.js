// What every hit must fulfil: folder, name, date, size, orientation.

import { call } from "./api.js";
import { byId, make } from "./elements.js";
import { basename } from "./format.js";

const box = byId("filters");
const fields = [...box.querySelectorAll("input, select")];
const OFFERED = 30;

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

// What there is completes what is typed: folders of the collection, and names of files.
const completions = {
  folders: async (like) => (await call("GET", `folders?${new URLSearchParams(like ? { like } : {})}`)).folders.map(({ path }) => path),
  names: async (name) => (name ? (await call("GET", `browse?${new URLSearchParams({ name, limit: OFFERED, order: "name" })}`)).images.map(({ path }) => basename(path)) : []),
};
let typing = 0;

function complete(field) {
  clearTimeout(typing);
  typing = setTimeout(async () => {
    const value = field.value.trim();
    const found = await completions[field.list.id](value).catch(() => []);
    if (value === field.value.trim()) field.list.replaceChildren(...[...new Set(found)].slice(0, OFFERED).map((value) => make("option", { value })));
  }, 200);
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
  for (const field of [named("folder"), named("name"), byId("upload-folder")]) for (const event of ["focus", "input"]) field?.addEventListener(event, () => complete(field));
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
