// The labels of one image, to be corrected, and the labels of the collection, to be learnt.

import { call } from "./api.js";
import { byId, button, make } from "./elements.js";
import { count, counted, duration, percent } from "./format.js";

const POLL = 500; // milliseconds
const LEAST = 0.05; // labels less probable than this are of no use to a person
const MOST = 8;

const box = byId("viewer-labels");
const panel = byId("labels-panel");
const sure = Number(byId("kind").dataset.sure);
let shown = null; // the hit whose labels are listed
let watching = false;

const link = (name) => make("a", { href: `./?text=${encodeURIComponent(`label:"${name}"`)}`, title: `Find images with the label ${name}` }, name);

export async function showFor(hit) {
  shown = hit;
  say(box, "");
  try {
    list(hit, await call("GET", `labels/${hit.id}`));
  } catch (error) {
    say(box, error.message);
  }
}

const say = (where, text) => (where.querySelector("[role=status]").textContent = text);

function list(hit, { labels, confirmed, refused }) {
  if (shown !== hit) return;
  const names = Object.keys(labels).filter((name, at) => confirmed.includes(name) || (at < MOST && labels[name] >= LEAST));
  const rows = names.map((name) => (confirmed.includes(name) ? decided(hit, name, "confirmed") : guessed(hit, name, labels[name])));
  rows.push(...refused.map((name) => decided(hit, name, "not this")));
  box.querySelector("ul").replaceChildren(...rows);
  if (!rows.length) say(box, "No label yet. Add one, or learn labels in the panel of the collection.");
}

function guessed(hit, name, probability) {
  const state = probability >= sure ? percent(probability) : `unsure, ${percent(probability)}`;
  return make(
    "li",
    {},
    link(name),
    make("span", { class: "state" }, state),
    button("Yes", () => decide(hit, name, "1"), { class: "mini", "aria-label": `Yes, this is ${name}` }),
    button("No", () => decide(hit, name, "0"), { class: "mini", "aria-label": `No, this is not ${name}` }),
  );
}

function decided(hit, name, state) {
  const undo = button("Undo", () => decide(hit, name, ""), { class: "mini", "aria-label": `Undo: ${name}, ${state}` });
  return make("li", {}, link(name), make("span", { class: "state" }, state), undo);
}

async function decide(hit, label, holds) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ id: hit.id, label, holds })) form.append(name, value);
  try {
    list(hit, await call("POST", "labels", { body: form }));
    say(box, { 1: `Saved: this is ${label}.`, 0: `Saved: this is not ${label}.`, "": "Undone." }[holds]);
  } catch (error) {
    say(box, error.message);
  }
}

export async function showPanel() {
  try {
    const found = await call("GET", "labels");
    listAll(found);
    watch(found.training);
  } catch (error) {
    say(panel, error.message);
  }
}

function listAll({ labels, classifier }) {
  const rows = labels.map(({ name, images, confirmed }) =>
    make("li", {}, link(name), make("span", { class: "state" }, counted(images, "image") + (confirmed ? `, ${count(confirmed)} confirmed` : ""))),
  );
  panel.querySelector("ul").replaceChildren(...rows);
  if (classifier) say(panel, quality(classifier));
}

function quality({ images, labels, accuracy }) {
  const learnt = `Learnt ${counted(labels.length, "label")} from ${counted(images, "image")}.`;
  if (accuracy == null) return `${learnt} There are too few images to say how often it is right.`;
  return `${learnt} Of images that it did not see, it labels ${Math.round(100 * accuracy)} of 100 right.`;
}

async function train(event) {
  event.preventDefault();
  const { source, pattern } = Object.fromEntries(new FormData(panel.querySelector("form")));
  const form = new FormData();
  form.append("source", source === "pattern" ? pattern : source);
  try {
    watch(await call("POST", "labels/train", { body: form }));
  } catch (error) {
    if (error.body?.job) watch(error.body.job);
    else say(panel, error.message);
  }
}

async function watch(job) {
  if (watching || job.state !== "running") return;
  watching = true;
  const bar = panel.querySelector("progress");
  panel.querySelector(".progress").hidden = false;
  while (job.state === "running") {
    if (job.total) [bar.max, bar.value] = [job.total, job.done];
    say(panel, job.seconds_left == null ? "Learning…" : `Learning… ${duration(job.seconds_left)} left`);
    await new Promise((resolve) => setTimeout(resolve, POLL));
    job = await call("GET", "labels/train").catch((error) => (error.code === "gone" ? job : { state: "lost" }));
  }
  watching = false;
  panel.querySelector(".progress").hidden = true;
  if (job.state === "done") await showPanel();
  else say(panel, job.message || "Stopped; the labels that were learnt before stay.");
}

box.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.label;
  decide(shown, field.value.trim(), "1");
  field.value = "";
});
panel.querySelector("form").addEventListener("submit", train);
panel.querySelector("select").addEventListener("change", (event) => {
  const field = panel.querySelector("[name=pattern]");
  field.disabled = field.closest("label").hidden = event.target.value !== "pattern";
});
panel.querySelector(".progress button").addEventListener("click", () => call("DELETE", "labels/train").catch((error) => say(panel, error.message)));
