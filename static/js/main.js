// Wiring: a changed query is searched for, and the answer is shown.

import { call } from "./api.js";
import * as collection from "./collection.js";
import { byId, make } from "./elements.js";
import * as filters from "./filters.js";
import { count, counted } from "./format.js";
import * as grid from "./grid.js";
import * as kind from "./kind.js";
import { clear, notice } from "./notices.js";
import * as query from "./query.js";
import * as viewer from "./viewer.js";

let running = null;
let failed = "";

async function search() {
  failed = "";
  const form = query.form();
  running?.abort();
  if (!form) {
    clear("search");
    show([], "");
    document.body.classList.add("start");
    invite(collection.state());
    return;
  }
  const mine = (running = new AbortController());
  document.body.classList.remove("start");
  window.scrollTo(0, 0);
  byId("results").setAttribute("aria-busy", "true");
  byId("results-title").textContent = "Searching…";
  try {
    answer(form, await call("POST", "search", { body: form, signal: mine.signal }));
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
  } finally {
    if (running === mine) byId("results").setAttribute("aria-busy", "false");
  }
}

function answer(form, found) {
  clear("search");
  const time = found.took_ms < 1 ? "under 1" : count(Math.round(found.took_ms));
  const among = `among ${counted(found.compared, "image")} in ${time} ms`;
  show(found.results, `The ${found.results.length === 1 ? "closest one" : `${count(found.results.length)} closest`} ${among}`);
  kind.tell(form, found);
  filters.learn(found.results);
  if (!found.compared) unfulfilled();
  // The state of the collection tells the rest, and shows so by the colour of its dot.
  const known = collection.state()?.warnings ?? [];
  const news = found.warnings.filter((warning) => !known.includes(warning));
  if (news.length) notice("search", news.join(" "), { kind: "warning", once: true });
}

function unfulfilled() {
  byId("results-title").textContent = "";
  say("No image passes the filters.", "Widen them, or do without.", button("Clear the filters", () => {
    filters.clear();
    search();
  }));
}

function fail(error) {
  show([], "");
  failed = error.code;
  if (error.code === "gone" || error.code === "not_signed_in") return; // a notice says so
  if (error.code === "index_empty") empty();
  else if (error.code === "unreadable_image") say("This file cannot be searched with.", error.message);
  else if (error.code === "model_unavailable") say("A model is missing.", error.message, details());
  else say("The search did not work.", error.message);
}

function show(hits, title) {
  byId("message").hidden = true;
  byId("results-title").textContent = title;
  kind.hide();
  grid.show(hits, viewer.open);
}

function say(title, text, ...more) {
  byId("message").replaceChildren(make("h2", {}, title), make("p", {}, text), ...more);
  byId("message").hidden = false;
}

const button = (label, click) => make("button", { type: "button", class: "primary", click }, label);
const details = () => button("State of the collection", collection.open);

function empty() {
  if (collection.busy()) {
    say("The index is being made.", "What has been read so far can be searched within seconds.", details());
    return;
  }
  const folder = collection.state()?.images_folder ?? "the image folder";
  say("Nothing to search yet.", `No image of ${folder} is in the index.`, button("Update the index", () => {
    collection.open();
    collection.update();
  }));
}

// What the start page must say beyond its invitation.
function invite(status) {
  if (!status || !document.body.classList.contains("start")) return;
  if (status.images) byId("message").hidden = true;
  else empty();
}

const withWords = (status) => (byId("words-why").hidden = status.extractors.includes("clip"));

byId("words-more").addEventListener("click", collection.open);
grid.start();
viewer.start();
query.start(search);
document.addEventListener("server-back", () => failed === "gone" && search());
collection.onState(withWords);
collection.onState(invite);
collection.start();
