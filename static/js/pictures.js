// The pictures that ask: files, drawings and hits to find more like, each with its preview.

import { uploadBytes } from "./api.js";
import { button, byId, make } from "./elements.js";
import { basename, bytes } from "./format.js";
import { clear, notice } from "./notices.js";
import * as region from "./region.js";
import { keep, kept, keyOf } from "./store.js";

let pictures = []; // { file, drawing }
let likes = []; // { id, name, thumbnail, width, height }
let changed = () => {};
let onNew = () => {};
let drawing = null; // the sheet to draw on, fetched when it is first wanted

export const any = () => pictures.length + likes.length > 0;
export const drawn = () => pictures.length > 0 && !likes.length && pictures.every((picture) => picture.drawing);
export const only = () => (pictures.length + likes.length === 1 ? { picture: pictures[0], like: likes[0] } : null);
export const name = () => (any() ? (pictures.some(({ drawing }) => drawing) ? "Drawing" : [...pictures.map(({ file }) => file.name), ...likes.map((like) => `Like ${like.name}`)].join(", ")) : "");
export const count = () => pictures.length + likes.length;

// newPicture is called where another picture is looked at anew.
export function start(onChange, newPicture) {
  changed = onChange;
  onNew = newPicture;
  byId("draw").addEventListener("click", () => {
    const begun = pictures.find((picture) => picture.drawing)?.drawing ?? null;
    draw({ drawing: begun });
  });
  for (const sign of ["pointerenter", "focus"]) byId("draw").addEventListener(sign, fetchSheet, { once: true });
  byId("draw-over").addEventListener("click", drawOver);
}

// Picks colours off the picture; fetched with the first click on its button.
let dropper = null;
let pickable = null; // what shows the one picture

function pickFrom(shown) {
  pickable = shown;
  byId("dropper-use").hidden = !shown?.querySelector("img");
  dropper?.attach(shown);
}

export function startPicking(onColour) {
  const button = byId("dropper-use");
  const fetch = async () => {
    dropper = await import("./dropper.js");
    dropper.start(onColour);
    dropper.attach(pickable);
    button.click();
  };
  button.addEventListener("click", fetch, { once: true });
}

const fetchSheet = () => import("./drawing.js");

async function draw(what) {
  const sheet = await fetchSheet();
  if (!drawing) sheet.start(taken);
  drawing = sheet;
  await drawing.open(what);
}

// What the hand has drawn so far.
function taken(picture) {
  if (picture) set([picture], { goesOn: "drawing" });
  else if (!any() || pictures.some((other) => other.drawing)) hold([], [], "drawing");
}

export function ask(form) {
  for (const { file } of pictures) form.append("image", file);
  for (const { id } of likes) form.append("like", id);
}

// Into the address go keys; what they stand for stays in this browser.
export async function write(params) {
  const [held, alike] = [pictures, likes];
  for (const picture of held) {
    const key = await keyOf(picture.file);
    await keep(key, picture).catch(() => {}); // no room, or not allowed: going back to it shows that
    params.append("image", key);
  }
  for (const { id } of alike) params.append("like", id);
}

// Whether every picture of the address could be brought back.
export async function read(params) {
  const keys = params.getAll("image");
  const found = (await Promise.all(keys.map((key) => kept(key).catch(() => null)))).filter(Boolean);
  const known = new Map(likes.map((like) => [like.id, like]));
  const ids = [...new Set(params.getAll("like"))].filter((id) => /^[0-9a-f]{16}$/.test(id));
  pictures = found.map(({ file, drawing }) => ({ file, drawing }));
  likes = ids.map((id) => known.get(id) ?? { id, name: "an image", thumbnail: `thumbnails/${id}?side=320` });
  drawing?.close();
  show();
  return found.length === keys.length;
}

// Files take the place of what was asked with, or join it.
export function set(files, { goesOn = "", beside = false } = {}) {
  clear("upload");
  const fresh = files.map((file) => (file instanceof File ? { file, drawing: null } : file));
  const taken = beside ? [...pictures, ...fresh] : fresh;
  const total = taken.reduce((sum, { file }) => sum + file.size, 0);
  if (total > uploadBytes) {
    const size = `${bytes(total)}; a search takes at most ${bytes(uploadBytes)}.`;
    notice("upload", `${taken.length > 1 ? "These pictures are" : "This picture is"} ${size}`, { kind: "error" });
    return;
  }
  if (!goesOn) {
    drawing?.close();
    region.reset();
    onNew();
  }
  hold(taken, beside ? likes : [], goesOn);
}

// A picture of the service itself becomes one of ours.
export async function fromAddress(address, name) {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) {
    notice("upload", "That picture could not be loaded.", { kind: "error" });
    return null;
  }
  const content = await answer.blob();
  return new File([content], name, { type: content.type });
}

// A hit becomes the query, or a part of it beside what is asked for already.
export function like(hit, beside) {
  const { path, thumbnail, width, height } = hit;
  const id = hit.region_id ?? hit.id;
  const row = { id, name: basename(path), thumbnail, width, height };
  if (!beside) {
    drawing?.close();
    region.reset();
    hold([], [row]);
  } else if (!likes.some((other) => other.id === id)) hold(pictures, [...likes, row]);
}

// What answers tell about images that came by their ids only.
export function learn(hits) {
  const unnamed = likes.filter((row) => !row.width);
  for (const row of unnamed) {
    const hit = hits.find(({ id }) => id === row.id);
    if (hit) Object.assign(row, { name: basename(hit.path), thumbnail: hit.thumbnail, width: hit.width, height: hit.height });
  }
  if (unnamed.some((row) => row.width)) show();
}

// The one picture as a file: the file itself, or a large view of the hit that it is.
export async function asFile() {
  const one = only();
  if (!one) return null;
  return one.picture?.file ?? fromAddress(one.like.thumbnail.replace(/side=\d+/, "side=1600"), one.like.name);
}

async function drawOver() {
  const one = only();
  if (one?.picture?.drawing) {
    await draw({ drawing: one.picture.drawing });
    return;
  }
  const over = await asFile();
  if (over) await draw({ over });
}

export async function drawOverHit(hit) {
  const over = await fromAddress(hit.thumbnail.replace(/side=\d+/, "side=1600"), basename(hit.path));
  if (over) await draw({ over });
}

function hold(files, hits, goesOn = "") {
  clear("kept");
  pictures = files;
  likes = hits;
  if (count() !== 1) region.reset();
  show();
  if (!goesOn) byId("query").scrollTop = 0; // where the new picture is
  changed(0, goesOn);
}

function show() {
  byId("drop").classList.toggle("has-pictures", any());
  byId("previews").replaceChildren(...pictures.map(preview), ...likes.map(likeness));
  const one = only();
  const sheet = byId("previews").querySelector(".sheet");
  region.attach(one ? sheet : null);
  pickFrom(one ? sheet : null);
  byId("draw-over").hidden = !one;
  byId("draw-over").textContent = drawn() ? "Edit drawing" : "Draw over it";
  byId("draw").hidden = Boolean(one) && drawn();
}

function preview(picture) {
  const { file } = picture;
  const address = URL.createObjectURL(file);
  const image = make("img", { src: address, alt: file.name, draggable: "false", load: () => URL.revokeObjectURL(address) });
  const sheet = make("div", { class: "sheet" }, image);
  image.addEventListener("error", () => {
    // The service reads formats that browsers do not show (TIFF, PSD, HEIC).
    URL.revokeObjectURL(address);
    sheet.replaceWith(make("div", { class: "file" }, file.name));
    region.attach(null);
    pickFrom(null);
    byId("draw-over").hidden = true;
  });
  return removable(sheet, file.name, () => hold(pictures.filter((other) => other !== picture), likes));
}

function likeness(hit) {
  const image = make("img", { src: hit.thumbnail, width: hit.width, height: hit.height, alt: `More like ${hit.name}`, draggable: "false" });
  const shown = make("figure", {}, make("div", { class: "sheet" }, image), make("figcaption", {}, `Like ${hit.name}`));
  return removable(shown, hit.name, () => hold(pictures, likes.filter((other) => other !== hit)));
}

function removable(shown, name, drop) {
  const click = () => {
    drawing?.close();
    drop();
    byId("file").focus();
  };
  return make("li", {}, shown, button("×", click, { class: "round", "aria-label": `Remove ${name}` }));
}
