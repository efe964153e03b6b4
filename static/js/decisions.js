// What images of the collection are to each other, as a person decides it.

import { call } from "./api.js";
import { make, plain } from "./elements.js";

export const WORDS = { same: "Same picture", colourway: "Colourway", different: "Not a duplicate", variant: "Variant", contains: "One contains the other" };
const NAMES = Object.keys(WORDS);

// The decision that a key stands for: 1 to 5.
export const meant = (event) => (plain(event) ? NAMES[Number(event.key) - 1] : undefined);

export const buttons = (decide) =>
  NAMES.map((name, at) => make("button", { type: "button", class: "mini", "data-decision": name, click: () => decide(name) }, WORDS[name], make("kbd", {}, String(at + 1))));

// Keeps the decision; returns what to tell, also where that failed.
export async function decide(a, b, decision) {
  try {
    await send("POST", { a, b, decision });
    return `Saved: ${WORDS[decision].toLowerCase()}.`;
  } catch (error) {
    return error.message;
  }
}

// The same for all pairs of a group; returns what takes it back.
export const decideGroup = async (group, decision) => (await send("POST", { group, decision })).undo;

export const undo = (a, b) => send("DELETE", { a, b });
export const undoGroup = (token) => send("DELETE", { undo: token });

function send(method, fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return call(method, "duplicates/decisions", { body });
}
