// Images are selected by a rectangle that the mouse draws: from a gap between them, or from anywhere
// while Shift is held. With Ctrl or Cmd held it takes images away.

import { byId, make } from "./elements.js";
import * as selection from "./selection.js";

const LEAST = 6; // pixels; less is a click
const HOLDS = "a, button, input, label, select, summary, details, dialog";

// cards: gives the elements of the hits, each with its `hit`.
export function start(cards) {
  const area = byId("results");
  let from = null;
  let box = null;

  const within = () => {
    const frame = box.getBoundingClientRect();
    return cards().filter((card) => {
      const { left, right, top, bottom } = card.getBoundingClientRect();
      return left < frame.right && right > frame.left && top < frame.bottom && bottom > frame.top;
    });
  };
  const mark = (marked) => {
    for (const card of cards()) card.classList.toggle("lassoed", marked.includes(card));
  };
  const end = () => {
    from = null;
    box?.remove();
    box = null;
    mark([]);
  };
  area.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button !== 0 || !cards().length) return;
    if (event.target.closest(HOLDS) && !(event.shiftKey && event.target.closest(".hit"))) return;
    from = event;
  });
  // A picture that is dragged would be carried away instead.
  area.addEventListener("dragstart", (event) => from && event.preventDefault());
  document.addEventListener("pointermove", (event) => {
    if (!from) return;
    if (!box && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) < LEAST) return;
    if (!box) {
      box = make("div", { class: "lasso" });
      document.body.append(box);
      getSelection()?.removeAllRanges();
    }
    const [left, top] = [Math.min(event.clientX, from.clientX), Math.min(event.clientY, from.clientY)];
    box.style.left = `${left}px`;
    box.style.top = `${top}px`;
    box.style.width = `${Math.max(event.clientX, from.clientX) - left}px`;
    box.style.height = `${Math.max(event.clientY, from.clientY) - top}px`;
    mark(within());
    event.preventDefault();
  });
  document.addEventListener("pointerup", (event) => {
    if (!box) return end();
    const found = within().map(({ hit }) => hit);
    end();
    if (found.length) selection.setAll(found, !(event.ctrlKey || event.metaKey));
    // The click that ends it opens nothing.
    const swallow = (click) => click.stopPropagation();
    document.addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => document.removeEventListener("click", swallow, { capture: true }));
  });
  document.addEventListener("pointercancel", end);
  document.addEventListener("keydown", (event) => event.key === "Escape" && from && end());
}
