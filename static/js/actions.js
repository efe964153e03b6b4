// What can be done with the images that are selected, besides comparing them.

import { call, sendForm } from "./api.js";
import { button, byId, closable, make, styled } from "./elements.js";
import { shownHits } from "./grid.js";
import { basename, count, counted, likeness, percent, top } from "./format.js";
import { notice } from "./notices.js";
import * as selection from "./selection.js";

const share = byId("tray").dataset.share;
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/; // a spreadsheet would run it

styled("actions.css");

export function start(tray) {
  const menu = make("details", { class: "menu" }, make("summary", { class: "button" }, "More"));
  const item = (label, act, title) => button(label, () => {
    menu.open = false;
    act(selection.all());
  }, { title });
  menu.append(
    make("div", {},
      item("Contact sheet to print", sheet, "Pictures with names and scores, in a new tab"),
      item("Table (CSV)", table, "Names, sizes and scores for a spreadsheet"),
      item(share ? "Copy paths on the share" : "Copy paths", copy),
      folderItem(menu),
      item("Has each been drawn before?", checkAll, "Checks one after the other against the rest of the collection"),
    ),
  );
  const everything = button("Select all", () => selection.setAll(shownHits()), { id: "tray-all", title: "All images that are shown (Ctrl+A in the results)" });
  byId("tray-compare").after(button("Download", download, { id: "tray-download", title: "The original files as a ZIP" }), menu, everything);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
  const update = () => {
    const folders = new Set(selection.all().map(({ path }) => folderOf(path)));
    menu.querySelector(".of-folder").hidden = !share || folders.size !== 1;
    everything.hidden = shownHits().every(selection.has);
  };
  selection.onChange(update);
  update();
  tray.dataset.ready = "";
}

const form = (fields) => Object.entries(fields);
const ids = (hits) => hits.map(({ id }) => id).join(" ");
const folderOf = (path) => path.slice(0, Math.max(0, path.lastIndexOf("/")));

function download() {
  const hits = selection.all();
  if (hits.length > 1) return sendForm("archive", form({ ids: ids(hits) }));
  const link = make("a", { href: hits[0].url.replace(/#.*/, ""), download: basename(hits[0].path), hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}

// What stands under a picture: its place among the images compared, or how similar it is.
const note = (hit) => (hit.score == null ? "" : hit.metric ? likeness(hit) : hit.closer_than != null ? top(hit.closer_than) : percent(hit.score));

function sheet(hits) {
  const notes = JSON.stringify(hits.map(note));
  const title = byId("results-title").textContent;
  sendForm("contact-sheet", form({ ids: ids(hits), notes, title: hits.length === shownHits().length ? title : "" }));
}

function table(hits) {
  const head = ["path", "width", "height", "bytes", "modified", "rank", "score", "id"];
  const rows = hits.map((hit) => [hit.path, hit.width, hit.height, hit.size, new Date(hit.modified * 1000).toISOString(), hit.rank, hit.score ?? "", hit.id]);
  const cell = (value) => `"${String(FORMULA.test(value) && typeof value === "string" ? `'${value}` : value).replaceAll('"', '""')}"`;
  const text = [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
  // The mark at the beginning lets spreadsheets read names beyond ASCII.
  const address = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }));
  const link = make("a", { href: address, download: "images.csv", hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// A path as the studio's own machines write it.
export function shared(path) {
  if (!share) return path;
  const [by, address] = [share.includes("\\") ? "\\" : "/", /^[a-z][a-z0-9+.-]+:\/\//i.test(share)];
  const rest = path.split("/").map((part) => (address ? encodeURIComponent(part) : part)).join(by);
  return share.replace(/[\\/]+$/, "") + (rest && by + rest);
}

async function copy(hits) {
  const done = await copied(hits.map(({ path }) => shared(path)).join("\n"));
  notice("copy", done ? `${counted(hits.length, "path")} copied.` : "The browser does not let this page copy.", { kind: done ? "" : "warning" });
}

// Browsers withhold the clipboard from pages served without TLS, but not the command.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { class: "hidden" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

// Browsers open addresses such as smb://studio/designs; a path such as \\studio\designs they do not.
function folderItem(menu) {
  const opens = /^(?!javascript|data|file|blob|vbscript)[a-z][a-z0-9+.-]+:\/\//i.test(share);
  const act = async () => {
    menu.open = false;
    const place = shared(folderOf(selection.all()[0].path));
    if (opens) {
      location.assign(place);
      return;
    }
    notice("copy", (await copied(place)) ? "The path of the folder is copied. Paste it where folders are opened." : place);
  };
  return button(opens ? "Open the folder" : "Copy the path of the folder", act, { class: "of-folder" });
}

// One verdict after the other, so that searches of others have room.
async function checkAll(hits) {
  const list = make("ol", { class: "verdicts" });
  const status = make("p", { role: "status" });
  const dialog = make("dialog", { class: "checks", "aria-labelledby": "checks-title" },
    make("h2", { id: "checks-title" }, "Has each been drawn before?"), status, list,
    button("×", () => {}, { class: "round close", "data-close": true, "aria-label": "Close" }));
  const stop = new AbortController();
  closable(dialog);
  dialog.addEventListener("close", () => {
    stop.abort();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  let found = 0;
  for (const [at, hit] of hits.entries()) {
    status.textContent = `Checking ${count(at + 1)} of ${count(hits.length)}…`;
    const body = new FormData();
    body.append("like", hit.id);
    const row = make("li", {}, make("img", { src: hit.thumbnail, alt: "", width: hit.width, height: hit.height }), make("strong", {}, basename(hit.path)));
    try {
      const verdict = await call("POST", "check", { body, signal: stop.signal });
      found += ["exact", "near"].includes(verdict.verdict);
      row.dataset.verdict = verdict.verdict;
      row.append(make("span", {}, verdict.headline), make("a", { href: `./?like=${hit.id}&check=1` }, "Show the check"));
    } catch (error) {
      if (error.name === "AbortError") return;
      row.append(make("span", {}, error.message));
    }
    list.append(row);
  }
  status.textContent = `${counted(hits.length, "image")} checked: ${found ? `${count(found)} of them ${found === 1 ? "is" : "are"} in the collection more than once` : "none of them was found a second time"}.`;
}
