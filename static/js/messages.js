// What stands in the place of results where there are none; fetched when that happens first.

import * as collection from "./collection.js";
import { button, byId, make } from "./elements.js";
import * as filters from "./filters.js";
import * as query from "./query.js";

const main = (label, click) => button(label, click, { class: "primary" });
const details = () => main("Show the collection", collection.open);

function say(heading, text, ...more) {
  byId("message").replaceChildren(make("h2", {}, heading), make("p", {}, text), ...more);
  byId("message").hidden = false;
}

export function unfulfilled(warnings = []) {
  const meant = warnings.map(named).find((names) => names.length) ?? [];
  say("No image matches the filters.", "Change the filters or clear them.", ...suggested(meant, "folder"), main("Clear the filters", () => {
    filters.clear();
    byId("query").requestSubmit();
  }));
}

// The names at the end of "… you may mean rings/2024, rings/2025."
const named = (text) => text.match(/you may mean (.+)\.$/i)?.[1].split(", ") ?? [];

// They are asked for at a click.
const suggested = (names, filter) => (names.length ? [make("p", {}, "You may mean ", ...names.map((name) => button(name, () => {
  filters.set(filter, name);
  byId("query").requestSubmit();
}, { class: "link" })))] : []);

// why: that nothing is named like the words, as the service says it.
export function nameless(why) {
  const end = why.indexOf(".") + 1;
  say(why.slice(0, end), why.slice(end));
}

export function failed(error) {
  if (error.code === "index_empty") empty();
  else if (error.code === "unreadable_image") say("This file cannot be used.", error.message);
  else if (error.code === "not_ready") say("The check is not ready yet.", error.message, main("Check again", () => query.check()));
  else if (error.code === "model_unavailable") say("A model is missing.", error.message, details());
  else say(query.wantsCheck() ? "The check failed." : "The search failed.", error.message, ...suggested(error.message.startsWith("There is no label") ? named(error.message) : [], "label"));
}

export function empty() {
  if (collection.busy()) {
    say("The index is being built.", "In a few seconds you can search the images read so far.", details());
    return;
  }
  const folder = collection.state()?.images_folder ?? "the image folder";
  say("Nothing to search yet.", `The index holds no images of ${folder} yet.`, main("Update the index", () => {
    collection.open();
    collection.update();
  }));
}
