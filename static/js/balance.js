// How much meaning, structure and colour count: three sliders, and presets.

import { byId } from "./elements.js";

// The server knows both: the group of each extractor, and what a mixture gives each group.
const [GROUPS, PRESETS] = ["groups", "presets"].map((name) => JSON.parse(byId("balance").dataset[name]));

const preset = byId("balance-preset");
const sliders = ["meaning", "structure", "colour"].map((name) => byId(`balance-${name}`));
let usable = [];

const chosen = () => Object.fromEntries(sliders.map((slider) => [slider.name, slider.disabled ? 0 : Number(slider.value)]));

const members = (group) => usable.filter((name) => GROUPS[name] === group);

export function ask(target) {
  if (preset.value === "auto") return;
  if (target instanceof URLSearchParams) {
    target.append("balance", preset.value === "own" ? sliders.map((slider) => slider.value).join("-") : preset.value);
    return;
  }
  const weights = chosen();
  if (preset.value !== "own") target.append("preset", preset.value);
  else if (Object.values(weights).some(Boolean)) target.append("weights", JSON.stringify(weights));
}

export function read(params) {
  const value = params.get("balance") ?? "auto";
  const numbers = value.split("-").map(Number);
  if (numbers.length === 3 && numbers.every((number) => number >= 0 && number <= 100)) {
    preset.value = "own";
    sliders.forEach((slider, at) => (slider.value = numbers[at]));
  } else {
    preset.value = value in PRESETS ? value : "auto";
    follow();
  }
  byId("balance").open ||= preset.value !== "auto";
  tell();
}

export const brief = () => (preset.value === "auto" ? "" : preset.selectedOptions[0].textContent.toLowerCase());

// A colour in the query must count.
export function withColour() {
  const slider = byId("balance-colour");
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
  for (const slider of sliders) slider.disabled = !members(slider.name).length;
  byId("balance-lacks").hidden = members("meaning").length > 0;
}

function follow() {
  const values = PRESETS[preset.value] ?? PRESETS.even;
  for (const slider of sliders) slider.value = values[slider.name];
}

function tell() {
  byId("balance").classList.toggle("automatic", preset.value === "auto");
  for (const slider of sliders) byId(`${slider.id}-text`).textContent = preset.value === "auto" ? "auto" : slider.value;
  byId("balance-brief").textContent = preset.value === "auto" ? "" : `· ${brief()}`;
}
