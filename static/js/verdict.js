// "Has this been drawn before?": the verdict in words, how sure it is, the evidence, the report.

import { sendForm } from "./api.js";
import { button, byId, fillFacts, make } from "./elements.js";
import { count, counted, date } from "./format.js";
import * as query from "./query.js";

const box = byId("verdict");

const VERDICTS = {
  exact: "Yes, this very picture is in the collection.",
  near: "Yes, the same picture is in the collection, edited.",
  similar: "Something similar has been drawn. See whether it is the same.",
  new: "No, nothing like it was found.",
};

const OFTEN = 0.2; // share of copies that are missed, from where on "no" is too much to say

export const hide = () => (box.hidden = true);

// compare is told a hit with its evidence; warnings are what limits this verdict.
export function show(found, compare, warnings) {
  box.dataset.verdict = found.verdict;
  // Measured are copies; a drawing and the photo of the same design are further apart than those.
  const unsure = found.verdict === "new" && (found.kind === "sketch" || found.certainty?.misses > OFTEN);
  box.classList.toggle("unsure", unsure);
  byId("verdict-title").textContent = unsure ? "Not found. Look at the closest yourself." : (VERDICTS[found.verdict] ?? found.words);
  byId("verdict-words").textContent = found.words;
  byId("verdict-certainty").textContent = found.verdict === "exact" ? "" : certainty(found.certainty);
  byId("verdict-warnings").replaceChildren(...warnings.map((text) => make("li", {}, text)));
  fillFacts(byId("verdict-facts"), [
    ["Compared", `${counted(found.compared, "image")}${found.unreadable ? `; ${counted(found.unreadable, "file")} could not be read` : ""}`],
    ["Taken for", `a ${found.kind}`],
    ["Compared by", (found.extractors ?? []).join(", ")],
    ["Index", found.fingerprint],
    ["Checked", found.checked ? date(found.checked) : null],
  ]);
  const proven = found.hits.find((hit) => hit.evidence?.outline_hit?.length) ?? found.hits[0];
  const actions = [button("Printable report", report)];
  if (proven && found.verdict !== "new") {
    actions.unshift(button(proven.evidence ? "Show the evidence" : "Compare with the closest", () => compare(proven), { class: "primary" }));
  }
  actions.push(button("Back to the closest", () => query.check(false), { class: "quiet" }));
  byId("verdict-actions").replaceChildren(...actions);
  box.hidden = false;
  byId("verdict-title").focus({ preventScroll: true });
}

function certainty(told) {
  if (!told || told.false_alarms == null || told.misses == null) return "";
  const share = (value) => (value > 0 && value < 0.001 ? "under 0.1 %" : `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`);
  const on = told.measured_on ? ` (measured on ${count(told.measured_on)} edited copies of pictures of this collection)` : "";
  const kind = told.kind === "sketch" ? "sketches" : "photos";
  return `How sure: of edited copies of ${kind}, ${share(told.misses)} are missed; ${share(told.false_alarms)} of the pictures here come as near to another one, a colourway perhaps${on}.`;
}

// The report opens in a tab of its own, from where it can be printed or kept.
function report() {
  sendForm("check", query.checkForm(), { format: "html" });
}

