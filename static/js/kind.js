// What the query is taken for, and the switch that overrules it.

import { byId } from "./elements.js";
import { whatDecides } from "./words.js";

const chosen = () => document.querySelector("[name=kind]:checked").value;

// Pictures are of a kind; words and colours are not.
const isOfAKind = (form) => form.has("image") || form.has("like");

export function ask(form) {
  if (chosen() !== "auto" && isOfAKind(form)) form.append("kind", chosen());
}

export function tell(form, found) {
  const applies = found.results.length > 0 && isOfAKind(form);
  byId("kind").hidden = !applies;
  if (!applies) return;
  const verb = chosen() === "auto" ? "Taken for" : "Searched as";
  byId("kind-told").textContent = `${verb} a ${found.kind}${whatDecides(found.results)}.`;
}

export const hide = () => (byId("kind").hidden = true);

// A new picture is looked at anew.
export const reset = () => (document.querySelector("[name=kind][value=auto]").checked = true);

export function start(changed) {
  for (const choice of document.querySelectorAll("[name=kind]")) choice.addEventListener("change", () => changed());
}
