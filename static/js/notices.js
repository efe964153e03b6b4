// Messages above the page: at most one per topic, spoken by screen readers as they appear.

import { byId, make } from "./elements.js";

const shown = new Map();
const dismissed = new Set();

export function notice(topic, text, { kind = "", actions = [], sticky = false, once = false } = {}) {
  clear(topic);
  if (once && dismissed.has(text)) return;
  const dismiss = () => {
    dismissed.add(text);
    clear(topic);
  };
  const close = sticky
    ? null
    : make("button", { type: "button", click: dismiss }, "Dismiss");
  const box = make("div", { class: `notice ${kind}` }, make("span", {}, text), ...actions, close);
  shown.set(topic, box);
  byId("notices").append(box);
}

// Whether there was anything to take away.
export function clear(topic) {
  shown.get(topic)?.remove();
  return shown.delete(topic);
}
