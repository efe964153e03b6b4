// Shelves: runs of whole rows. One that is out of sight is neither styled nor laid out, so that what
// a click costs depends on what is seen, not on how many hits there are.

import { make } from "./elements.js";

const FULL = 24; // cards on a shelf, at least: about a window full

// `sizes` as layout.js makes them, one for each card. Cards that stay on their shelf are not moved.
export function shelve(list, cards, sizes) {
  const shelves = [];
  cards.forEach((made, at) => {
    const starts = sizes[at].row !== sizes[at - 1]?.row;
    if (starts && !(shelves.at(-1)?.cards.length < FULL)) shelves.push({ cards: [], rows: 0, tall: 0 });
    const shelf = shelves.at(-1);
    shelf.cards.push(made);
    if (!starts) return;
    shelf.rows += 1;
    shelf.tall += sizes[at].height;
  });
  const held = list.contains(document.activeElement) ? document.activeElement : null;
  shelves.forEach((shelf, at) => fill(list.children[at] ?? list.appendChild(make("div", { class: "shelf", role: "presentation" })), shelf));
  while (list.children.length > shelves.length) list.lastChild.remove();
  if (held?.isConnected) held.focus({ preventScroll: true }); // what is moved loses it
}

function fill(shelf, { cards, rows, tall }) {
  shelf.style.setProperty("--rows", rows);
  shelf.style.setProperty("--tall", `${tall.toFixed(2)}px`);
  const already = [...shelf.children];
  if (already.every((made, at) => made === cards[at])) shelf.append(...cards.slice(already.length));
  else shelf.replaceChildren(...cards);
}
