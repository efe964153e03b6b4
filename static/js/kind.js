// Whether the query was detected as a photo or a sketch, and the switch to choose it by hand.

import { byId } from "./elements.js";
import { matchedOn } from "./words.js";

const chosen = () => document.querySelector("[name=kind]:checked").value;
let byHand = false; // drawn on this page, so there is nothing to detect

// Pictures are of a kind; words and colours are not.
export function ask(target, isOfAKind, drawn) {
  byHand = drawn && chosen() === "auto";
  if (!isOfAKind) return;
  if (chosen() !== "auto") target.append("kind", chosen());
  else if (drawn && target instanceof FormData) target.append("kind", "sketch");
}

export function read(params) {
  const kind = params.get("kind");
  reset();
  for (const choice of document.querySelectorAll("[name=kind]")) if (choice.value === kind) choice.checked = true;
}

export function tell(isOfAKind, found) {
  const applies = found.results.length > 0 && isOfAKind;
  byId("kind").hidden = !applies;
  if (!applies) return;
  const verb = byHand ? "Drawn here" : `${chosen() === "auto" ? "Detected as" : "Searched as"}: ${found.kind}`;
  const shown = shows(found.labels);
  const sentences = [verb, shown && `Shows: ${shown}`, matchedOn(found.results)].filter(Boolean);
  byId("kind-text").textContent = sentences.map((sentence) => `${sentence}.`).join(" ");
}

export const shows = (labels = {}) => Object.keys(labels).filter((name) => labels[name] >= byId("kind").dataset.sure).join(", ");

export const hide = () => (byId("kind").hidden = true);

// The kind of a new picture is detected again.
export function reset() {
  document.querySelector("[name=kind][value=auto]").checked = true;
}

export function start(changed) {
  for (const choice of document.querySelectorAll("[name=kind]")) choice.addEventListener("change", () => changed());
}
