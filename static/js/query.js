// What is asked. Each control adds its own fields, to the form that is sent and to the
// address alike, and takes them back from an address.

import * as address from "./address.js";
import * as balance from "./balance.js";
import * as cleaned from "./cleaned.js";
import * as colours from "./colours.js";
import { button, byId } from "./elements.js";
import * as filters from "./filters.js";
import * as incoming from "./incoming.js";
import * as kind from "./kind.js";
import { clear, notice } from "./notices.js";
import * as pictures from "./pictures.js";
import * as region from "./region.js";
import { forget } from "./store.js";

const words = byId("words");
const not = byId("not-words");
const described = words.placeholder;
let answer = () => {};
let timer = 0;
let last = ""; // what the last change was about
let checking = false;
let order = ""; // of the collection, while it is looked through without a query

// One change may come as several events; they make one search. Changes that go on with the same
// thing, such as a slider that moves, stay one step of the history.
function changed(wait = 0, goesOn = "") {
  checking = false;
  schedule(wait, goesOn);
}

function schedule(wait, goesOn) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    leaveBrowsing();
    toAddress(Boolean(goesOn) && goesOn === last);
    last = goesOn;
    answer();
  }, wait);
}

// Through the collection: `folder` and `order` where they change.
export function browse({ folder = null, order: by = null } = {}) {
  if (folder != null) filters.set("folder", folder);
  order = by ?? (order || "newest");
  changed();
}

// What is looked through, or null at the start.
export function browsed() {
  const limits = new URLSearchParams();
  filters.ask(limits, true);
  return order || limits.size ? { filters: limits, order: order || "newest" } : null;
}

// Who leafs through a folder and then asks means all of the collection, unless they say otherwise.
function leaveBrowsing() {
  if (!order || !form()) return;
  order = "";
  const folder = filters.take("folder");
  if (!folder) return;
  const only = button(`Only in ${folder}`, () => {
    clear("folder");
    filters.set("folder", folder);
    changed();
  });
  notice("folder", "The whole collection is searched.", { actions: [only] });
}

// Asks for the verdict instead of the closest ones, until the query changes.
export function check(on = true) {
  checking = on;
  schedule(0, "");
}

export const wantsCheck = () => checking && pictures.count() === 1;

function fields(target) {
  const text = words.value.trim();
  words.placeholder = pictures.any() ? "but with leaves" : described;
  if (text) target.append("text", text);
  if (not.value.trim() && (text || pictures.any())) target.append("not_text", not.value.trim());
  colours.ask(target);
}

function conditions(target) {
  kind.ask(target, pictures.any(), pictures.drawn());
  cleaned.ask(target);
  region.ask(target);
  balance.ask(target);
  filters.ask(target);
  region.askHow(target);
}

// The form to send, or null where nothing is asked.
export function form() {
  const asked = new FormData();
  pictures.ask(asked);
  fields(asked);
  if (asked.keys().next().done && !filters.labelled()) return null;
  conditions(asked);
  return asked;
}

// What the check takes: the one picture, or the part that is marked, and what limits the collection.
export function checkForm() {
  const asked = new FormData();
  pictures.ask(asked);
  kind.ask(asked, true, pictures.drawn());
  cleaned.ask(asked);
  region.ask(asked);
  filters.ask(asked);
  return asked;
}

let writing = 0;

async function toAddress(goesOn) {
  const mine = (writing += 1);
  const params = new URLSearchParams();
  await pictures.write(params);
  if (mine !== writing) return; // something newer is on its way
  fields(params);
  if (params.size || filters.labelled()) {
    conditions(params);
    if (checking) params.append("check", "1");
  } else if (browsed()) {
    filters.ask(params);
    if (order) params.append("order", order);
  }
  address.write(params, goesOn);
}

async function restore(params) {
  writing += 1;
  clearTimeout(timer);
  clear("kept");
  words.value = params.get("text") ?? "";
  not.value = params.get("not_text") ?? "";
  for (const control of [region, colours, balance, filters, kind, cleaned]) control.read(params);
  checking = params.get("check") === "1";
  order = params.get("order") ?? "";
  last = "";
  if (!(await pictures.read(params))) {
    const text =
      "This browser does not have the picture of this search: it is from another browser, or too old. " +
      "Drop it here again; the rest of the search is kept.";
    notice("kept", text, { kind: "warning" });
  }
  answer();
}

export function moreLike(hit, beside) {
  if (!beside) {
    kind.reset();
    words.value = not.value = "";
  }
  pictures.like(hit, beside);
}

// The query in a few words, for where there is no room for all of it.
export function brief() {
  const parts = [words.value.trim() && `“${words.value.trim()}”`, colours.brief(), balance.brief(), filters.brief()];
  return parts.filter(Boolean).join(" · ");
}

export function start(onChange) {
  answer = onChange;
  for (const control of [filters, kind, balance, cleaned]) control.start(changed);
  region.start(changed);
  colours.start((...how) => {
    balance.withColour();
    changed(...how);
  });
  pictures.startPicking(colours.add);
  pictures.start(changed, () => {
    kind.reset();
    cleaned.reset();
  });
  incoming.start(moreLike);
  byId("query").addEventListener("submit", (event) => {
    event.preventDefault();
    if (form()) changed();
    else browse(); // an empty box is no dead end
  });
  for (const field of [words, not]) {
    field.addEventListener("search", () => changed()); // its cross was pressed
    field.addEventListener("input", () => changed(600, "words"));
  }
  byId("leave").addEventListener("submit", forget);
  address.start(restore);
  if (location.search) return restore(address.read());
  // What a browser filled in by itself after a reload is no query.
  if (!pictures.any()) for (const field of [words, not]) field.value = "";
  return null;
}
