// What every hit must fulfil: folder, name, size, orientation.

import { byId, make } from "./elements.js";

const box = byId("filters");
const fields = [...box.querySelectorAll("input, select")];
const folders = new Set();

const inUse = () => fields.filter((field) => field.value.trim());

export function ask(form) {
  for (const field of inUse()) form.append(field.name, field.value.trim());
}

export function clear() {
  for (const field of fields) field.value = "";
  count();
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

export function start(changed) {
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
