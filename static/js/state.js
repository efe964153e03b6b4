// Lists of the collection's state: what is amiss, and the files that could not be read.

import { byId, make } from "./elements.js";
import { count, counted } from "./format.js";

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
