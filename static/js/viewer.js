// The large view of one hit, with its neighbours at the arrow keys.

import { byId, closable, fillFacts } from "./elements.js";
import { basename, bytes, count, date, score } from "./format.js";
import { bars, focusHit, isMore, shownHits } from "./grid.js";
import { moreLike } from "./query.js";

const dialog = byId("viewer");
let at = 0;

export function open(index) {
  show(index);
  dialog.showModal();
}

export function start() {
  closable(dialog);
  dialog.addEventListener("close", () => focusHit(at));
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
    if (isMore(event)) like(event);
  });
  byId("viewer-back").addEventListener("click", () => step(-1));
  byId("viewer-on").addEventListener("click", () => step(1));
  byId("viewer-like").addEventListener("click", like);
}

function like(event) {
  dialog.close();
  moreLike(shownHits()[at], event.shiftKey);
}

function step(by) {
  const next = at + by;
  if (next >= 0 && next < shownHits().length) show(next);
}

const sized = (hit, side) => hit.thumbnail.replace(/side=\d+/, `side=${side}`);

function show(index) {
  at = index;
  const hits = shownHits();
  const hit = hits[index];
  byId("viewer-name").textContent = basename(hit.path);
  byId("viewer-back").disabled = index === 0;
  byId("viewer-on").disabled = index === hits.length - 1;
  showImage(hit);
  fillFacts(byId("viewer-facts"), [
    ["Rank", `${hit.rank} of ${count(hits.length)}`],
    ["Path", hit.path],
    ["Size", `${count(hit.width)} × ${count(hit.height)} pixels, ${bytes(hit.size)}`],
    ["Date", date(hit.modified)],
    ["Score", score(hit.score)],
  ]);
  byId("viewer-scores").replaceChildren(...bars(hit));
  const download = byId("viewer-download");
  download.href = hit.url;
  download.download = basename(hit.path);
}

// The grid's small picture stands in until the large one has come.
function showImage(hit) {
  const image = byId("viewer-image");
  image.alt = hit.path;
  image.width = hit.width;
  image.height = hit.height;
  image.style.setProperty("--width", `${hit.width}px`);
  image.src = hit.thumbnail;
  const large = new Image();
  large.addEventListener("load", () => {
    if (shownHits()[at] === hit) image.src = large.src;
  });
  large.src = sized(hit, 1600);
}
