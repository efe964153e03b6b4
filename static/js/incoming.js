// How pictures come to the page: chosen, photographed, pasted, dropped, or one of the examples.

import { caught } from "./drops.js";
import { byId } from "./elements.js";
import { basename } from "./format.js";
import { notice } from "./notices.js";
import { fromAddress, set } from "./pictures.js";

// onHit gets a hit that was dropped, and whether it is added to the query.
export function start(onHit) {
  for (const input of [byId("file"), byId("file-beside"), byId("camera")]) {
    const chosen = () => {
      if (input.files.length) set([...input.files], { beside: input.id === "file-beside" });
      input.value = ""; // choosing the same file again is a change again
    };
    input.addEventListener("change", chosen);
    chosen(); // before this script had come
  }
  document.addEventListener("paste", paste);
  watchDragging(onHit);
  for (const button of document.querySelectorAll("[data-example]")) {
    button.addEventListener("click", async () => {
      const file = await fromAddress(button.dataset.example, button.dataset.name);
      if (file) set([file]);
    });
  }
}

function paste(event) {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return; // words pasted into the field
  event.preventDefault();
  set(files);
}

function watchDragging(onHit) {
  let held = null; // the hit that is dragged
  document.addEventListener("dragstart", ({ target, dataTransfer }) => {
    held = target.closest?.(".hit")?.hit ?? null;
    if (!held) return;
    // Dropped on the desktop, or into another program, it is the original.
    const address = new URL(held.url.replace(/#.*/, ""), location.href).href;
    dataTransfer.setData("DownloadURL", `application/octet-stream:${basename(held.path).replaceAll(":", "_")}:${address}`);
    dataTransfer.setData("text/uri-list", address);
  });
  document.addEventListener("dragend", () => (held = null));
  let depth = 0; // entering a child precedes leaving its parent
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dragging", depth > 0);
  };
  const on = (name, act) =>
    document.addEventListener(name, (event) => {
      if (caught(event)) act(event);
    });
  on("dragenter", () => mark(1));
  on("dragleave", () => mark(-1));
  on("dragover", () => {});
  on("drop", (event) => {
    mark(-depth);
    const files = [...event.dataTransfer.files];
    const hit = held;
    held = null; // once its card is gone, it causes no event
    const adding = event.target.closest?.("#collection") && byId("upload-files");
    if (files.length && adding) {
      adding.files = event.dataTransfer.files;
      adding.dispatchEvent(new Event("change"));
      return;
    }
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    if (hit) onHit(hit, event.shiftKey);
    else if (files.length) set(files, { beside: event.shiftKey });
    else notice("upload", "That was not a file. Save the picture first, then drop it here.", { kind: "warning" });
  });
}
