// The collection without a query: its folders, an order, and the same grid as for hits.

import { call } from "./api.js";
import { button, byId, make, styled } from "./elements.js";
import { count, counted } from "./format.js";

const ORDERS = {
  newest: "Newest first",
  oldest: "Oldest first",
  name: "By name",
  largest: "Largest first",
  smallest: "Smallest first",
  shape: "By shape, tall to wide",
  colour: "By colour",
};
const FIRST = 60; // images of the first answer; the next ones bring as many as there are, up to
const MOST = 240;

const crumbs = make("ol", { class: "crumbs" });
const chips = make("ul", { class: "chips", "aria-label": "Folders in here" });
const order = make("select", { id: "order" });
const tree = make("details", { class: "tree" }, make("summary", {}, "All folders and labels"), make("div"));
const place = make("nav", { "aria-label": "Folders" }, crumbs, chips);
const chosen = make("div", { class: "ordered" }, make("label", { for: "order" }, "Order"), order);
let go = () => {};
let current = "";

styled("browse.css");
byId("hits").before(make("section", { class: "browse", "aria-label": "Browse" }, place, chosen, tree));
order.addEventListener("change", () => go({ order: order.value }));
tree.addEventListener("toggle", fillTree);

// asked: { filters, order } as the address has them; onGo gets what is to change of them. The rest
// are what the page shows images with: `showImages` as main.js has it, and a signal to stop.
export async function show({ filters, order: by }, onGo, showImages, signal) {
  go = onGo;
  const folder = (filters.get("folder") ?? "").replace(/^\/+|\/+$/g, "");
  const shown = [];
  const next = async () => {
    const size = shown.length ? Math.min(MOST, shown.length) : FIRST;
    const query = new URLSearchParams([...filters, ["order", by], ["offset", shown.length], ["limit", size]]);
    const found = await call("GET", `browse?${query}`, { signal });
    shown.push(...found.images.map((image, at) => asHit(image, found.offset + at + 1)));
    listOrders(found.orders, by);
    const filtered = [...filters.keys()].some((name) => name !== "folder");
    showImages([...shown], summary(found.total, folder, filtered), shown.length < found.total && found.images.length ? next : null);
    return found.total;
  };
  const [total] = await Promise.all([next(), showFolder(folder, signal)]);
  return total;
}

const summary = (total, folder, filtered) => `${counted(total, "image")}${filtered ? (total === 1 ? " matches" : " match") + " the filters" : ""}${folder ? ` in ${folder}` : filtered ? "" : " in the collection"}`;

// The grid and the large view take hits; what nothing was compared with has no score.
const asHit = (image, rank) => ({ ...image, rank, score: null, scores: {}, contributions: {} });

function listOrders(known, by) {
  order.replaceChildren(...known.map((name) => make("option", { value: name, selected: name === by }, ORDERS[name] ?? name)));
  order.value = by;
}

async function showFolder(folder, signal) {
  current = folder;
  const names = folder ? folder.split("/") : [];
  const steps = names.map((name, at) => [name, names.slice(0, at + 1).join("/")]);
  crumbs.replaceChildren(
    ...[["Collection", ""], ...steps].map(([name, path], at) => make("li", {}, at === names.length ? make("span", { "aria-current": "page" }, name) : link(path, name))),
  );
  chips.replaceChildren();
  try {
    const { folders, total } = await call("GET", `folders?${new URLSearchParams({ below: folder })}`, { signal });
    if (current !== folder) return;
    chips.replaceChildren(...folders.map(chip));
    if (total > folders.length) chips.append(make("li", { class: "hint" }, `and ${count(total - folders.length)} more`));
  } catch (error) {
    if (error.code !== "invalid_query") throw error;
    await meant(folder, signal);
  }
  markCurrent();
}

// No such folder: those that are named like it.
async function meant(folder, signal) {
  const { folders } = await call("GET", `folders?${new URLSearchParams({ like: folder.split("/").at(-1) })}`, { signal });
  if (current !== folder || !folders.length) return;
  chips.replaceChildren(make("li", { class: "hint" }, "You may mean"), ...folders.slice(0, 8).map((found) => make("li", {}, link(found.path, found.path, found.images))));
}

const chip = ({ path, images }) => make("li", {}, link(path, path.slice(path.lastIndexOf("/") + 1), images));

// A link, so that it opens in a new tab as well.
export function link(path, name, images = null) {
  const where = new URLSearchParams([...(path ? [["folder", path]] : []), ["order", order.value || "newest"]]);
  const click = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go({ folder: path });
  };
  const number = images == null ? null : make("span", { class: "count", "aria-label": counted(images, "image") }, count(images));
  return make("a", { href: `./?${where}`, class: "folder", "data-folder": path, click }, make("span", {}, name), number);
}

const markCurrent = () => {
  for (const one of tree.querySelectorAll("[data-folder]")) one.toggleAttribute("aria-current", one.dataset.folder === current);
};

// All folders, each with a button that opens what is below it; and the labels.
async function fillTree() {
  const box = tree.querySelector("div");
  if (!tree.open || box.childElementCount) return;
  const labels = call("GET", "labels").catch(() => ({ labels: [] }));
  box.append(await level(""));
  const named = (await labels).labels.filter(({ images }) => images);
  if (named.length) box.append(make("div", {}, make("h3", {}, "Labels"), make("ul", { class: "chips" }, ...named.map(labelled))));
  markCurrent();
}

const labelled = ({ name, images }) => make("li", {}, make("a", { class: "folder", href: `./?${new URLSearchParams({ label: name })}` }, make("span", {}, name), make("span", { class: "count", "aria-label": counted(images, "image") }, count(images))));

async function level(below) {
  const { folders, total } = await call("GET", `folders?${new URLSearchParams({ below })}`).catch(() => ({ folders: [], total: 0 }));
  const list = make("ul", {}, ...folders.map(branch));
  if (total > folders.length) list.append(make("li", { class: "hint" }, `and ${count(total - folders.length)} more`));
  return list;
}

function branch({ path, images, folders }) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const row = make("li", {}, make("span", { class: "branch" }));
  if (folders) {
    const open = button("", async () => {
      const list = row.querySelector("ul");
      const opens = open.getAttribute("aria-expanded") === "false";
      open.setAttribute("aria-expanded", String(opens));
      if (list) list.hidden = !opens;
      else row.append(await level(path));
      markCurrent();
    }, { class: "twist", "aria-expanded": "false", "aria-label": `Folders in ${name}` });
    row.firstChild.append(open);
  }
  row.firstChild.append(link(path, name, images));
  return row;
}
