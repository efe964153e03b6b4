// What is asked: pictures dropped, pasted or chosen, hits to find more like, and words. Each
// control that has a say adds its own fields to the form.

import { uploadBytes } from "./api.js";
import * as colour from "./colour.js";
import { byId, make } from "./elements.js";
import * as filters from "./filters.js";
import { basename, bytes } from "./format.js";
import * as kind from "./kind.js";
import { clear, notice } from "./notices.js";

let pictures = [];
let likes = [];
let answer = () => {};
let timer = 0;

// One change may come as several events; they make one search.
function changed(wait = 0) {
  clearTimeout(timer);
  timer = setTimeout(answer, wait);
}

// The form to send, or null where nothing is asked.
export function form() {
  const asked = new FormData();
  for (const picture of pictures) asked.append("image", picture);
  for (const hit of likes) asked.append("like", hit.id);
  const words = byId("words").value.trim();
  if (words) asked.append("text", words);
  colour.ask(asked);
  if (asked.keys().next().done) return null;
  kind.ask(asked);
  filters.ask(asked);
  asked.append("k", byId("k").value);
  return asked;
}

export function setPictures(files) {
  clear("upload");
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (total > uploadBytes) {
    const size = `${bytes(total)}; at most ${bytes(uploadBytes)} can be searched with at once.`;
    notice("upload", `${files.length > 1 ? "These pictures have" : "This picture has"} ${size}`, { kind: "error" });
    return;
  }
  kind.reset();
  hold(files, []);
}

// A hit becomes the query, or a part of it beside what is asked for already.
export function moreLike(hit, beside) {
  if (!beside) {
    kind.reset();
    byId("words").value = "";
    hold([], [hit]);
  } else if (!likes.some((other) => other.id === hit.id)) hold(pictures, [...likes, hit]);
}

function hold(files, hits) {
  pictures = files;
  likes = hits;
  byId("drop").classList.toggle("has-pictures", files.length + hits.length > 0);
  byId("previews").replaceChildren(...files.map(preview), ...hits.map(likeness));
  changed();
}

export function start(onChange) {
  answer = onChange;
  for (const control of [colour, filters, kind]) control.start(changed);
  for (const input of [byId("file"), byId("camera")]) {
    const chosen = () => {
      if (input.files.length) setPictures([...input.files]);
      input.value = ""; // choosing the same file again is a change again
    };
    input.addEventListener("change", chosen);
    chosen(); // before this script had come
  }
  byId("query").addEventListener("submit", (event) => {
    event.preventDefault();
    changed();
  });
  byId("k").addEventListener("change", () => changed());
  document.addEventListener("paste", paste);
  watchDragging();
  for (const button of document.querySelectorAll("[data-example]")) {
    button.addEventListener("click", () => setFromAddress(button.dataset.example, button.dataset.name));
  }
}

// A picture of the service itself becomes the query.
export async function setFromAddress(address, name) {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) {
    notice("upload", "That picture could not be fetched.", { kind: "error" });
    return;
  }
  const content = await answer.blob();
  setPictures([new File([content], name, { type: content.type })]);
}

function preview(file) {
  const address = URL.createObjectURL(file);
  const image = make("img", { src: address, alt: file.name, load: () => URL.revokeObjectURL(address) });
  image.addEventListener("error", () => {
    // The service reads formats that browsers do not show (TIFF, PSD, HEIC).
    URL.revokeObjectURL(address);
    image.replaceWith(make("div", { class: "file" }, file.name));
  });
  return removable(image, file.name, () => hold(pictures.filter((other) => other !== file), likes));
}

function likeness(hit) {
  const name = basename(hit.path);
  const image = make("img", { src: hit.thumbnail, width: hit.width, height: hit.height, alt: `More like ${name}` });
  const shown = make("figure", {}, image, make("figcaption", {}, `Like ${name}`));
  return removable(shown, name, () => hold(pictures, likes.filter((other) => other !== hit)));
}

function removable(shown, name, drop) {
  const click = () => {
    drop();
    byId("file").focus();
  };
  return make("li", {}, shown, make("button", { type: "button", class: "round", "aria-label": `Remove ${name}`, click }, "×"));
}

function paste(event) {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return; // words pasted into the field
  event.preventDefault();
  take(files);
}

function watchDragging() {
  let depth = 0; // entering a child precedes leaving its parent
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dragging", depth > 0);
  };
  // Words dragged into their field are the browser's business; a file or a link, left to it, would
  // make it leave the page.
  const on = (name, act) =>
    document.addEventListener(name, (event) => {
      const { types } = event.dataTransfer;
      if (!types.includes("Files") && !types.includes("text/uri-list")) return;
      event.preventDefault();
      act(event);
    });
  on("dragenter", () => mark(1));
  on("dragleave", () => mark(-1));
  on("dragover", () => {});
  on("drop", (event) => {
    mark(-depth);
    take([...event.dataTransfer.files]);
  });
}

function take(files) {
  if (files.length) setPictures(files);
  else notice("upload", "That was not a file. Save the picture first, then drop it here.", { kind: "warning" });
}
