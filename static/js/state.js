// Lists of the collection's state: what is amiss, the models, the files that could not be read.

import { byId, make } from "./elements.js";
import { bytes, count, counted } from "./format.js";
import { word } from "./words.js";

// A first sentence that says what is the matter; the rest on demand.
export function listWarnings(warnings) {
  byId("collection-warnings").replaceChildren(
    ...warnings.map((text) => {
      const [, first, rest] = text.match(/^(.+?[.:;])\s+(.*)$/s) ?? [null, text, ""];
      if (!rest) return make("li", {}, text);
      const steps = rest.replace(" To fix it, run", "\nTo fix it, run").split("\n");
      return make("li", {}, make("details", {}, make("summary", {}, first.replace(/[:;]$/, ".")), ...steps.map((step) => make("p", {}, step))));
    }),
  );
}

// Other weights of an extractor matter to few: they come folded, unless they are in use.
export function listModels(models) {
  const shown = models.filter((model) => model.in_use || !model.variant_of).map(rowOf);
  const others = models.filter((model) => !model.in_use && model.variant_of).map(rowOf);
  const more = make("li", {}, make("details", {}, make("summary", {}, "Other weights to choose from"), make("ul", { class: "models" }, ...others)));
  byId("models").replaceChildren(...shown, ...(others.length ? [more] : []));
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
    make("p", {}, "Where the service has internet access, run ", make("code", {}, "image-search models fetch"), ", then update the index."),
    make("p", {}, "Elsewhere, run it on another machine and copy ", make("code", {}, model.place), " from there to the same place here."),
    make("p", {}, `From ${model.source}; licence ${model.licence}. ${model.missing_reason}`),
  ];
}

export function listFailures(status) {
  const failures = byId("failures");
  const unreadable = status.unreadable - status.others.count;
  failures.hidden = unreadable === 0;
  failures.querySelector("summary").textContent = `${counted(unreadable, "file")} could not be read`;
  const rows = status.failures.map(({ path, reason }) => make("li", {}, path, make("span", {}, reason)));
  const untold = unreadable - status.failures.length;
  if (untold > 0) rows.push(make("li", {}, `and ${count(untold)} more`));
  failures.querySelector("ul").replaceChildren(...rows);
}
