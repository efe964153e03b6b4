// One colour that the hits should have: taken up by a button, shown as a chip that can be removed.

import { byId } from "./elements.js";

const use = byId("colour-use");
const chip = byId("colour-chip");
const field = byId("colour");

export function ask(form) {
  if (!chip.hidden) form.append("color", field.value);
}

export function start(changed) {
  const show = (used) => {
    chip.hidden = !used;
    use.hidden = used;
    byId("colour-told").textContent = field.value;
  };
  use.addEventListener("click", () => {
    show(true);
    field.focus();
    changed();
  });
  byId("colour-remove").addEventListener("click", () => {
    show(false);
    use.focus();
    changed();
  });
  field.addEventListener("input", () => {
    show(true);
    changed(300); // milliseconds: while the hand still moves in the picker, nothing is asked
  });
  show(false); // browsers that restore fields restore no chip
}
