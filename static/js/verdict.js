// "Has this been drawn before?": the verdict in words, how sure it is, the evidence, the report.

import { sendForm } from "./api.js";
import { button, byId, fillFacts, make } from "./elements.js";
import { counted, date } from "./format.js";
import * as query from "./query.js";

const box = byId("verdict");

// compare gets a hit with its evidence; warnings are what limits this verdict.
export function show(found, compare, warnings) {
  box.dataset.verdict = found.verdict;
  // A "no" that cannot be known is not green.
  box.classList.toggle("unsure", found.verdict === "new" && !found.clear);
  byId("verdict-title").textContent = found.headline;
  // Of what is possible or new, the headline says all but what was left out.
  byId("verdict-words").textContent = ["possible", "new"].includes(found.verdict) ? (found.limit ?? "") : found.words;
  byId("verdict-certainty").textContent = found.certainty?.words ?? "";
  byId("verdict-warnings").replaceChildren(...warnings.map((text) => make("li", {}, text)));
  fillFacts(byId("verdict-facts"), [
    ["Compared", `${counted(found.compared, "image")}${found.unreadable ? `; ${counted(found.unreadable, "file")} could not be read` : ""}`],
    ["Detected as", found.kind],
    ["Compared by", (found.extractors ?? []).join(", ")],
    ["Index", found.fingerprint],
    ["Checked", found.checked ? date(found.checked) : null],
  ]);
  const proven = found.hits.find((hit) => hit.evidence?.outline_hit?.length) ?? found.hits[0];
  const actions = [button("Printable report", report)];
  if (proven && found.verdict !== "new") {
    actions.unshift(button(proven.evidence ? "Show the evidence" : "Compare with the most similar", () => compare(proven), { class: "primary" }));
  }
  actions.push(button("Back to the results", () => query.check(false), { class: "quiet" }));
  byId("verdict-actions").replaceChildren(...actions);
  box.hidden = false;
  byId("verdict-title").focus({ preventScroll: true });
}

// The report opens in a tab of its own, from where it can be printed or kept.
function report() {
  sendForm("check", query.checkForm(), { format: "html" });
}

