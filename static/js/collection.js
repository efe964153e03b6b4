// The state of the collection, and the update of its index.

import { call } from "./api.js";
import { byId, closable, fillFacts, styled } from "./elements.js";
import { count, counted, date, duration, rate } from "./format.js";
import { listFailures, listWarnings } from "./state.js";
import { notice } from "./notices.js";
import { stage } from "./words.js";

const POLL = 700; // milliseconds: a bar that moves, at a few hundred bytes each

const dialog = byId("collection");
const listeners = [];
let status = null;
let watching = false;
let models = null;

export const state = () => status;
export const busy = () => watching;
let opened = () => {};

// What only the open panel needs, which is fetched with it.
export const onOpen = (fetch) => (opened = fetch);
export const onState = (listener) => listeners.push(listener);

export function open() {
  if (!dialog.open) dialog.showModal();
  // Few open the drawer: what only it needs comes when it is opened.
  if (!models) {
    styled("drawer.css");
    opened();
  }
  models ??= import("./models.js").then((module) => (module.start(refresh), module));
  models.then((module) => module.show(), () => (models = null));
}

export function start() {
  closable(dialog);
  byId("collection-open").addEventListener("click", open);
  byId("reindex").addEventListener("click", update);
  byId("cancel").addEventListener("click", () => call("DELETE", "reindex").catch(complain));
  byId("labels-panel").addEventListener("toggle", () => import("./labels.js").then((module) => module.showPanel()), { once: true });
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  document.addEventListener("server-back", refresh);
  return refresh();
}

// Starts an update; where one runs already, as after an upload, it is watched.
export async function update({ running = false } = {}) {
  byId("reindex-outcome").textContent = "";
  byId("reindex-news").hidden = true;
  try {
    watch(await call(running ? "GET" : "POST", "reindex"));
  } catch (error) {
    if (error.body?.job) watch(error.body.job);
    else complain(error);
  }
}

async function refresh() {
  try {
    const asked = [call("GET", "status"), watching ? {} : call("GET", "reindex")];
    const [fresh, job] = await Promise.all(asked);
    status = fresh;
    if (job.state === "running") watch(job);
    showStatus();
    for (const listener of listeners) listener(status);
  } catch (error) {
    if (error.code !== "gone" && error.code !== "not_signed_in") complain(error);
  }
}

const complain = (error) => {
  if (error.code !== "gone") byId("reindex-outcome").textContent = error.message;
};

function brief(text, look) {
  byId("collection-brief").textContent = text;
  byId("collection-open").dataset.state = look;
}

// What needs attention. That a model is not here is said where the models are listed.
const warnings = () => {
  const needed = status.warnings.filter((warning) => !status.notes.includes(warning));
  return status.watching?.problem ? [...needed, status.watching.problem] : needed;
};

function showStatus() {
  if (!watching) {
    const look = !status.ready || !status.images ? "bad" : warnings().length ? "warn" : "ok";
    brief(status.images ? counted(status.images, "image") : "No images yet", look);
    const first = warnings()[0]?.match(/^.+?[.:;](?=\s|$)/s)?.[0];
    byId("collection-open").title = first ?? (look === "ok" ? "The index is up to date as far as is known. Open the panel of the collection" : "Nothing can be searched yet");
  }
  fillFacts(byId("collection-facts"), [
    ["Images", count(status.images)],
    ["Unreadable", count(status.unreadable)],
    ["Other files", otherFiles(status.others)],
    ["Last update", status.updated ? date(status.updated) : "never"],
    ["Folder", status.images_folder],
    ...(status.watching ? [["Watched", watchedHow(status.watching)]] : []),
  ]);
  listWarnings(warnings());
  listFailures(status);
}

const otherFiles = ({ count: number, endings }) => (number ? `${count(number)}, ignored (${endings.join(", ")})` : "");

function watchedHow({ looked, being_written: growing }) {
  const when = looked ? `yes, last looked at ${date(looked)}` : "yes";
  return growing ? `${when}; ${counted(growing, "file")} still being written` : when;
}

async function watch(job) {
  if (watching) return;
  watching = true;
  byId("reindex").disabled = true;
  byId("progress").hidden = false;
  for (let polls = 1; job.state === "running"; polls += 1) {
    showJob(job);
    if (polls % 6 === 0) refresh(); // what is saved can be searched while the rest is read
    await new Promise((resolve) => setTimeout(resolve, POLL));
    // A service that is gone for a while is waited for; its notice is up already.
    job = await call("GET", "reindex").catch((error) => (error.code === "gone" ? job : { state: "lost" }));
  }
  watching = false;
  byId("reindex").disabled = false;
  byId("progress").hidden = true;
  await refresh();
  const outcome = outcomeOf(job);
  if (outcome && !dialog.open) notice("reindex", outcome, { kind: job.state === "failed" ? "error" : "" });
  byId("reindex-outcome").textContent = outcome;
  const news = job.state === "failed" ? "" : newsIn(job);
  byId("reindex-news").hidden = !news;
  byId("reindex-news").querySelector("p").textContent = news;
}

function showJob(job) {
  const bar = byId("progress-bar");
  const known = job.total > 0;
  if (known) {
    bar.max = job.total;
    bar.value = job.done;
  } else bar.removeAttribute("value");
  const parts = [stage(job.phase)];
  if (known) parts.push(`${count(job.done)} of ${count(job.total)}`);
  else if (job.done) parts.push(counted(job.done, "file"));
  if (job.rate) parts.push(rate(job.rate));
  if (job.seconds_left != null) parts.push(`${duration(job.seconds_left)} left`);
  byId("progress-text").textContent = parts.join(" · ");
  brief(known ? `Updating ${Math.floor((100 * job.done) / job.total)} %` : "Updating…", "busy");
}

// What the update warns of, less what stands among the warnings above already.
const newsIn = (job) => status.warnings.reduce((rest, known) => rest.replace(known, ""), job.message ?? "").trim();

function outcomeOf(job) {
  if (job.state === "failed") return `The update failed: ${job.message}`;
  if (!["done", "cancelled"].includes(job.state)) return "";
  const kinds = ["added", "changed", "moved", "removed"];
  const unreadable = job.unreadable;
  const counts = kinds.filter((kind) => job[kind]).map((kind) => `${count(job[kind])} ${kind}`);
  const failed = unreadable ? `; ${counted(unreadable, "file")} cannot be read` : "";
  const summary = (counts.join(", ") || "nothing changed") + failed;
  return `${job.state === "done" ? "Index updated" : "Update stopped"}: ${summary}.`;
}
