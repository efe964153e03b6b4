// "Has this been drawn before?": the verdict in words, how sure it is, the evidence, the report.

import { sendForm } from "./api.js";
import { button, byId, fillFacts, make } from "./elements.js";
import { counted, date } from "./format.js";
import * as query from "./query.js";

const box = byId("verdict");

const VERDICTS = {
  exact: "Yes, this very picture is in the collection.",
  near: "Yes, the same picture is in the collection, edited.",
  similar: "Something similar has been drawn. See whether it is the same.",
  new: "No, nothing like it was found.",
};

const LIMITED = "Nothing like it in what was compared.";
const OFTEN = 0.2; // share of copies that are missed, from where on "no" is too much to say

function headline(found) {
  if (found.verdict === "possible") {
    const count = found.hits.length;
    if (!count) return "Nothing can be said about this drawing.";
    const chance = found.certainty?.chance;
    const among = count > 1 ? `one of these ${count}` : "this one";
    if (!chance) return `If this was drawn before, it may be ${among}.`;
    return `If this was drawn before, it is ${among} in ${Math.min(99, Math.round(100 * chance))} of 100 cases.`;
  }
  if (found.verdict !== "new") return VERDICTS[found.verdict] ?? found.words;
  if (found.limit) return LIMITED;
  if (found.kind === "sketch") return "Probably new: nothing here comes near this drawing.";
  return found.certainty?.misses > OFTEN ? "Not found. Look at the closest yourself." : VERDICTS.new;
}

// compare is told a hit with its evidence; warnings are what limits this verdict.
export function show(found, compare, warnings) {
  box.dataset.verdict = found.verdict;
  // A "no" that cannot be known is not green.
  const limited = found.verdict === "new" && Boolean(found.limit);
  box.classList.toggle("unsure", limited || (found.verdict === "new" && (found.kind === "sketch" || found.certainty?.misses > OFTEN)));
  byId("verdict-title").textContent = headline(found);
  // Of a drawing, the headline says it already.
  byId("verdict-words").textContent = found.kind === "sketch" && ["possible", "new"].includes(found.verdict) ? (found.limit ?? "") : found.words;
  byId("verdict-certainty").textContent = found.certainty?.words ?? "";
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

// The report opens in a tab of its own, from where it can be printed or kept.
function report() {
  sendForm("check", query.checkForm(), { format: "html" });
}

