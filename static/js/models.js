// The models that images are compared by, and the download of those that are missing.

import { call } from "./api.js";
import { byId, button, make } from "./elements.js";
import { bytes, duration } from "./format.js";
import { notice } from "./notices.js";
import { word } from "./words.js";

const POLL = 700; // milliseconds

let watching = false;
let finished = () => {};

// `then` is called when a download has ended, for the state of the collection depends on it.
export function start(then) {
  finished = then;
  byId("fetch-stop").addEventListener("click", () => call("DELETE", "models/fetch").catch(complain));
}

export async function show() {
  try {
    const [{ models, sets }, job] = await Promise.all([call("GET", "models"), call("GET", "models/fetch")]);
    list(models, sets);
    watch(job);
  } catch {
    // The rest of the drawer says what is the matter.
  }
}

// Other weights of an extractor and other sets matter to few: they come folded, unless they are in use.
function list(models, sets) {
  const used = sets.find((set) => set.chosen) ?? sets[0];
  const shown = (model) => model.in_use || used.extractors.includes(model.name);
  const others = models.filter((model) => !shown(model)).map(rowOf);
  byId("models").replaceChildren(
    ...models.filter(shown).map(rowOf),
    folded("Other sets of models", sets.filter((set) => set !== used).map(rowOfSet)),
    folded("Other models to choose from", others),
  );
  showMissing(used, models);
}

const folded = (title, rows) => make("li", {}, make("details", {}, make("summary", {}, title), make("ul", { class: "models" }, ...rows)));

// Said once, and quietly: a search works without them.
function showMissing(set, models) {
  const line = byId("models-missing");
  line.hidden = !set.chosen || !set.missing.length;
  if (line.hidden) return;
  const serving = models.filter((model) => model.in_use).map((model) => model.name);
  line.replaceChildren(
    serving.length ? `Searching works with ${serving.join(", ")}. ` : "",
    `Not on this server: ${set.missing.join(", ")} (${bytes(set.missing_bytes)}). `,
    fetchButton(set.name),
  );
}

const fetchButton = (name) => button("Download", () => fetchModels(name), { class: "mini", disabled: watching, "aria-label": `Download ${name}` });

function rowOfSet(set) {
  const state = set.missing.length ? `${bytes(set.missing_bytes)} to download` : "installed";
  const about = [make("strong", {}, set.name), make("span", { class: "state off" }, state), make("small", {}, `${set.summary}: ${set.extractors.join(", ")}`)];
  if (set.missing.length) about.push(fetchButton(set.name));
  return make("li", {}, ...about);
}

function rowOf(model) {
  const state = model.in_use ? "in use" : model.present ? "installed; update the index to use it" : "not installed";
  const about = [
    make("strong", {}, `${word(model.name)} (${model.name})`),
    make("span", { class: `state ${model.in_use ? "ok" : "off"}` }, state),
    make("small", {}, model.summary),
  ];
  if (!model.present) about.push(make("details", {}, make("summary", {}, `How to install it (${bytes(model.bytes)})`), ...gettingOf(model)));
  return make("li", {}, ...about);
}

function gettingOf(model) {
  return [
    make("p", {}, "Where the service has internet access: ", fetchButton(model.name), " or run ", make("code", {}, `image-search models fetch ${model.name}`), "."),
    make("p", {}, "Elsewhere, run it on another machine and copy ", make("code", {}, model.place), " from there to the same place here."),
    make("p", {}, `From ${model.source}; licence ${model.licence}. ${model.missing_reason}`),
  ];
}

async function fetchModels(name) {
  byId("fetch-outcome").textContent = "";
  try {
    const form = new FormData();
    form.append("name", name);
    await watch(await call("POST", "models/fetch", { body: form }));
  } catch (error) {
    if (error.body?.job) await watch(error.body.job);
    else complain(error);
  }
}

const complain = (error) => {
  if (error.code !== "gone") byId("fetch-outcome").textContent = error.message;
};

function enable(able) {
  for (const one of byId("models-section").querySelectorAll("button.mini")) one.disabled = !able;
}

async function watch(job) {
  if (watching || job.state !== "running") return;
  watching = true;
  enable(false);
  byId("fetch-progress").hidden = false;
  while (job.state === "running") {
    showJob(job);
    await new Promise((resolve) => setTimeout(resolve, POLL));
    job = await call("GET", "models/fetch").catch((error) => (error.code === "gone" ? job : { state: "lost" }));
  }
  watching = false;
  byId("fetch-progress").hidden = true;
  const outcome = { done: "", failed: "The download failed: ", cancelled: "Download stopped. " }[job.state];
  byId("fetch-outcome").textContent = outcome == null ? "" : outcome + job.message;
  if (outcome != null && !byId("collection").open) notice("fetch", outcome + job.message, { kind: job.state === "failed" ? "error" : "" });
  await finished();
  await show();
  enable(true);
}

function showJob(job) {
  const bar = byId("fetch-bar");
  const known = job.total > 0 && job.current;
  if (known) {
    bar.max = job.total;
    bar.value = job.done;
  } else bar.removeAttribute("value");
  const parts = [job.current ? `Downloading ${job.current}` : "Looking for the hub"];
  if (known) parts.push(`${bytes(job.done)} of ${bytes(job.total)}`);
  if (job.rate) parts.push(`${bytes(job.rate)}/s`);
  if (job.seconds_left != null) parts.push(`${duration(job.seconds_left)} left`);
  byId("fetch-text").textContent = parts.join(" · ");
}
