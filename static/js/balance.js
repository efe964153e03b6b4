// How much meaning, structure and colour count: three sliders, and presets. Or one extractor alone,
// and the metric that compares what it sees.

import { byId, make } from "./elements.js";
import { word } from "./words.js";

// The server knows both: the group of each extractor, and what a mixture gives each group.
const [GROUPS, PRESETS] = ["groups", "presets"].map((name) => JSON.parse(byId("balance").dataset[name]));

const preset = byId("balance-preset");
const sliders = ["meaning", "structure", "colour", "style"].map((name) => byId(`balance-${name}`));
const only = byId("balance-only");
const metric = byId("balance-metric");
let usable = [];
let imported = []; // vectors of other programs

const chosen = () => Object.fromEntries(sliders.map((slider) => [slider.name, slider.disabled ? 0 : Number(slider.value)]));

const members = (group) => usable.filter((name) => GROUPS[name] === group);

export function ask(target) {
  if (only.value) return askOne(target);
  if (preset.value === "auto") return;
  if (target instanceof URLSearchParams) {
    target.append("balance", preset.value === "own" ? sliders.map((slider) => slider.value).join("-") : preset.value);
    return;
  }
  const weights = chosen();
  if (preset.value !== "own") target.append("preset", preset.value);
  else if (Object.values(weights).some(Boolean)) target.append("weights", JSON.stringify(weights));
}

function askOne(target) {
  if (target instanceof URLSearchParams) return target.append("balance", `${only.value}:${metric.value}`);
  target.append("weights", JSON.stringify({ [only.value]: 1 }));
  target.append("metric", metric.value);
}

export function read(params) {
  const value = params.get("balance") ?? "auto";
  const [name, by] = value.includes(":") ? value.split(":") : ["", "auto"];
  choose(name);
  metric.value = by;
  if (!metric.value) metric.value = "auto";
  const numbers = value.split("-").map(Number);
  // Addresses of earlier releases have no style.
  if ([3, 4].includes(numbers.length) && numbers.every((number) => number >= 0 && number <= 100)) {
    preset.value = "own";
    sliders.forEach((slider, at) => (slider.value = numbers[at] ?? 0));
  } else {
    preset.value = value in PRESETS ? value : "auto";
    follow();
  }
  byId("balance").open ||= preset.value !== "auto" || Boolean(only.value);
  tell();
}

// An address may name an extractor before it is known which are in use.
function choose(name) {
  const names = new Set([...usable, ...imported, ...(name ? [name] : [])]);
  only.replaceChildren(only.options[0], ...[...names].map((one) => make("option", { value: one }, `${word(one)} (${one})`)));
  only.value = name;
}

export function brief() {
  if (only.value) return word(only.value) + (metric.value === "auto" ? "" : `, ${metric.selectedOptions[0].textContent.replace(/^By/, "by")}`);
  return preset.value === "auto" ? "" : preset.selectedOptions[0].textContent.toLowerCase();
}

// A colour in the query must count.
export function withColour() {
  const slider = byId("balance-colour");
  if (only.value) {
    only.value = ""; // the picked colour is compared by another
    tell();
  }
  if (preset.value === "auto" || Number(slider.value) > 0) return;
  preset.value = "own";
  slider.value = 50;
  tell();
}

export function start(changed) {
  preset.addEventListener("change", () => {
    follow();
    tell();
    changed(0);
  });
  for (const select of [only, metric]) {
    select.addEventListener("change", () => {
      tell();
      changed(0);
    });
  }
  for (const slider of sliders) {
    slider.addEventListener("input", () => {
      preset.value = "own";
      tell();
      changed(250, "balance");
    });
  }
  tell();
}

// Sliders are disabled where no extractor of their group is in use.
export function know(status) {
  usable = status.usable;
  imported = status.imported;
  choose(only.value);
  // What no extractor here compares cannot be asked for.
  for (const option of preset.options) option.disabled = PRESETS[option.value]?.style > 0 && !members("style").length;
  tell();
  byId("balance-lacks").hidden = members("meaning").length > 0;
}

function follow() {
  const values = PRESETS[preset.value] ?? PRESETS.even;
  for (const slider of sliders) slider.value = values[slider.name];
}

function tell() {
  preset.disabled = Boolean(only.value);
  byId("balance-metric-field").hidden = !only.value;
  for (const slider of sliders) slider.disabled = Boolean(only.value) || (usable.length > 0 && !members(slider.name).length);
  byId("balance").classList.toggle("automatic", preset.value === "auto");
  for (const slider of sliders) byId(`${slider.id}-text`).textContent = preset.value === "auto" ? "auto" : slider.value;
  byId("balance-brief").textContent = brief() && `· ${brief()}`;
}
