// What is asked: pictures dropped, pasted or chosen, and words.

import { uploadBytes } from "./api.js";
import { byId, make } from "./elements.js";
import { bytes } from "./format.js";
import { clear, notice } from "./notices.js";

let pictures = [];
let changed = () => {};

export const query = () => ({
  pictures,
  words: byId("words").disabled ? "" : byId("words").value.trim(),
  k: byId("k").value,
});

export function setPictures(files) {
  clear("upload");
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (total > uploadBytes) {
    const size = `${bytes(total)}; at most ${bytes(uploadBytes)} can be searched with at once.`;
    notice("upload", `${files.length > 1 ? "These pictures have" : "This picture has"} ${size}`, { kind: "error" });
    return;
  }
  pictures = files;
  byId("drop").classList.toggle("has-pictures", files.length > 0);
  byId("previews").replaceChildren(...files.map(preview));
  changed();
}

export function start(onChange) {
  changed = onChange;
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
  const drop = () => {
    setPictures(pictures.filter((other) => other !== file));
    document.querySelector("label[for=file]").previousElementSibling.focus();
  };
  const remove = make("button", { type: "button", class: "round", "aria-label": `Remove ${file.name}`, click: drop }, "×");
  return make("li", {}, image, remove);
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
