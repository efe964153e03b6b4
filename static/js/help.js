// The keys, and a tour of the page in four steps; both come when they are first wanted.

import { button, byId, closable, make, styled } from "./elements.js";

const TOUR = "image-search.tour"; // kept in the browser once the tour was seen or skipped

const KEYS = [
  ["Results", [["Arrows", "move"], ["Enter", "open"], ["1 to 9", "open the first nine"], ["M", "more like this"], ["Shift M", "add it to the query"], ["C", "select"], ["Shift C", "select all up to here"], ["Ctrl A", "select all"]]],
  ["Large view", [["← →", "go on and back"], ["+ −", "zoom"], ["0", "show all"], ["M", "more like this"], ["C", "select"], ["Escape", "close"]]],
  ["Drawing", [["P", "pen"], ["E", "eraser"], ["Ctrl Z", "undo"], ["Arrows", "move the pen"], ["Space", "put it down, lift it"]]],
  ["Duplicates", [["1 to 5", "decide"], ["U", "undo"], ["P", "pair by pair"], ["Enter", "look closer"]]],
  ["Anywhere", [["?", "these keys"], ["/", "to the words"], ["Ctrl V", "search with a copied picture"]]],
];

const STEPS = [
  ["drop", "Start with a picture", "Drop, paste, photograph or draw it. Words and colours work too, alone or beside it."],
  ["words", "The whole collection answers", "The closest images come first. Open one to see why it matches; M finds more like it."],
  ["check", "Has this been drawn before?", "With a picture in place, this button gives a verdict: what was found, how sure that is, and the evidence."],
  ["collection-open", "What is searched", "Here you see how many images there are, bring the index up to date, and learn labels. Browse leafs through all of them."],
];

const dialog = make("dialog", { class: "help", "aria-labelledby": "help-title" });
const ready = styled("help.css");
closable(dialog);
document.body.append(dialog);

const close = () => button("×", () => {}, { class: "round close", "data-close": true, "aria-label": "Close" });

export async function keys() {
  if (document.querySelector("dialog[open]")) return;
  await ready;
  dialog.replaceChildren(
    make("h2", { id: "help-title" }, "Keys"),
    make("div", { class: "keys" }, ...KEYS.map(([place, rows]) => make("section", {}, make("h3", {}, place), make("dl", {}, ...rows.flatMap(([key, what]) => [make("dt", {}, ...key.split(" ").map((one) => (/^(to|and)$/.test(one) ? ` ${one} ` : make("kbd", {}, one)))), make("dd", {}, what)]))))),
    make("div", { class: "row" }, button("Show the tour", tour)),
    close(),
  );
  if (!dialog.open) dialog.showModal();
}

// Four steps, each beside what it is about. Skipped, it does not come back by itself.
export async function tour() {
  await ready;
  if (dialog.open) dialog.close();
  localStorage.setItem(TOUR, "seen");
  byId("tour").hidden = true;
  let at = 0;
  const end = () => {
    document.querySelector(".toured")?.classList.remove("toured");
    box.remove();
    document.removeEventListener("keydown", byKey);
    byId("words").focus({ preventScroll: true });
  };
  const byKey = (event) => event.key === "Escape" && end();
  const step = (by) => {
    at += by;
    if (at < 0 || at >= STEPS.length) return end();
    const [id, title, text] = STEPS[at];
    document.querySelector(".toured")?.classList.remove("toured");
    const shown = byId(id).checkVisibility() ? byId(id) : byId("drop");
    shown.classList.add("toured");
    shown.scrollIntoView({ block: "nearest" });
    box.replaceChildren(
      make("p", { class: "muted" }, `${at + 1} of ${STEPS.length}`),
      make("h2", { id: "tour-title" }, title),
      make("p", {}, text),
      make("div", { class: "row" },
        button(at === STEPS.length - 1 ? "Done" : "Next", () => step(1), { class: "primary" }),
        at ? button("Back", () => step(-1)) : null,
        at < STEPS.length - 1 ? button("Skip the tour", end, { class: "quiet" }) : null),
    );
    box.querySelector("button").focus();
  };
  const box = make("section", { class: "tour", role: "dialog", "aria-labelledby": "tour-title" });
  document.body.append(box);
  document.addEventListener("keydown", byKey);
  step(0);
}
