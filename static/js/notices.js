// Messages above the page: at most one per topic, spoken by screen readers as they appear.

import { byId, make } from "./elements.js";

const shown = new Map();

export function notice(topic, text, { kind = "", actions = [], sticky = false } = {}) {
  clear(topic);
  const close = sticky
    ? null
    : make("button", { type: "button", click: () => clear(topic) }, "Dismiss");
  const box = make("div", { class: `notice ${kind}` }, make("span", {}, text), ...actions, close);
  shown.set(topic, box);
  byId("notices").append(box);
}

export function clear(topic) {
  shown.get(topic)?.remove();
  shown.delete(topic);
}
