// The page of the map: makes it, shows it, and selects images on it.

import { call } from "./api.js";
import { byId, draw, make, plain } from "./elements.js";
import { basename, count, counted, duration } from "./format.js";
import { Plane, packed } from "./plane.js";
import { forget } from "./store.js";

const POLL = 500; // milliseconds
const STEP = 60; // pixels that an arrow key moves the map
const FASTER = 1.4;
const SHOWN = 60; // images listed of a selection
const LIKES = 50; // that a search takes at most
const REST = "#8a8a85";

const stage = byId("stage");
const plane = new Plane(stage, byId("map-points"), byId("map-over"));
let images = { id: [], path: [], x: [], y: [], group: [], alone: [] };
let groups = [];
let hidden = new Set(); // numbers of groups that are not shown
let chosen = [];
let lassoing = false;
let list = null; // the address of the list that can be saved

const say = (text) => (byId("map-text").textContent = text);
const extractor = () => byId("map-extractor").value;

async function show() {
  if (!extractor()) {
    empty("The index holds no images yet.");
    return;
  }
  const asked = new URLSearchParams({ extractor: extractor(), colour: byId("map-colour").value });
  let found;
  try {
    found = await call("GET", `map/places?${asked}`);
  } catch (error) {
    say(error.message);
    return;
  }
  const same = found.images.id.length === images.id.length && found.images.x.every((x, i) => x === images.x[i]);
  images = same ? { ...images, group: found.images.group } : found.images;
  groups = found.groups;
  hidden = new Set();
  if (!same) choose([]);
  place();
  legend();
  byId("map-make").textContent = found.made ? "Make again" : "Make the map";
  if (!found.made) {
    empty("There is no such map yet. Making one takes a minute or so for thousands of images.");
    say("");
    return;
  }
  empty("");
  const came = found.new ? ` · ${counted(found.new, "image")} came since it was made, and lie near what they are like` : "";
  say(`${counted(images.id.length, "image")} · ${found.method}${came}`);
}

function empty(text) {
  byId("map-empty").textContent = text;
  byId("map-empty").hidden = !text;
}

let xs = new Float32Array(0);
let ys = new Float32Array(0);
let known = null;

function place() {
  if (known !== images.id) {
    known = images.id;
    xs = Float32Array.from(images.x, (x) => x / 65535);
    ys = Float32Array.from(images.y, (y) => y / 65535);
  }
  const palette = groups.map(({ colour }) => packed(colour));
  const rest = packed(REST);
  const colours = Uint32Array.from(images.group, (group) => (hidden.has(group) ? 0 : (palette[group] ?? rest)));
  plane.marks.alone = byId("map-alone").getAttribute("aria-pressed") === "true" ? images.alone : null;
  plane.set(images.id, xs, ys, colours);
  stage.dataset.images = images.id.length;
}

function legend() {
  const others = images.group.filter((group) => group < 0).length;
  const rows = groups.map(({ name, colour, images: number }, at) => ({ at, name, colour, number }));
  if (others) rows.push({ at: -1, name: "others", colour: REST, number: others });
  byId("map-groups").replaceChildren(
    ...rows.map(({ at, name, colour, number }) => {
      const swatch = draw("svg", { viewBox: "0 0 8 8", "aria-hidden": "true" }, draw("circle", { cx: 4, cy: 4, r: 4, fill: colour }));
      const toggle = make("button", { type: "button", class: "mini", "aria-pressed": "true", title: name, click: () => turn(toggle, at) }, swatch, `${name} (${count(number)})`);
      return make("li", {}, toggle);
    }),
  );
}

function turn(toggle, group) {
  const on = toggle.getAttribute("aria-pressed") !== "true";
  toggle.setAttribute("aria-pressed", String(on));
  if (on) hidden.delete(group);
  else hidden.add(group);
  place();
}

// What is selected, listed beside the map.
function choose(numbers, text = "") {
  chosen = numbers;
  plane.marks.chosen = new Set(numbers);
  plane.draw();
  byId("map-verbs").hidden = !numbers.length;
  byId("map-chosen-text").textContent = numbers.length
    ? `${counted(numbers.length, "image")}${numbers.length > SHOWN ? `, ${SHOWN} of them listed` : ""}${text}`
    : text || "Click an image, or draw around some with the lasso.";
  const some = spread(numbers, LIKES);
  byId("map-like").href = `./?${new URLSearchParams(some.map((i) => ["like", images.id[i]]))}`;
  if (list) URL.revokeObjectURL(list);
  list = URL.createObjectURL(new Blob([numbers.map((i) => `${images.path[i]}\n`).join("")], { type: "text/plain" }));
  byId("map-list").href = list;
  byId("map-chosen").replaceChildren(
    ...spread(numbers, SHOWN).map((i) => {
      const name = basename(images.path[i]);
      const picture = make("img", { src: `thumbnails/${images.id[i]}?side=320`, alt: "", loading: "lazy" });
      return make("li", {}, make("a", { href: `./?like=${images.id[i]}`, title: `${images.path[i]}: more like this` }, picture, make("span", {}, name)));
    }),
  );
}

// At most so many, evenly.
function spread(numbers, most) {
  if (numbers.length <= most) return numbers;
  return Array.from({ length: most }, (_, at) => numbers[Math.floor((at * numbers.length) / most)]);
}

async function build() {
  const form = new FormData();
  form.append("extractor", extractor());
  try {
    await call("POST", "map", { body: form });
  } catch (error) {
    say(error.message);
    if (error.code !== "work_running") return;
  }
  watch();
}

async function watch() {
  byId("map-cancel").hidden = false;
  byId("map-make").disabled = true;
  for (;;) {
    const work = await call("GET", "map/work").catch((error) => ({ state: "failed", message: error.message }));
    if (work.state !== "running") {
      byId("map-cancel").hidden = true;
      byId("map-make").disabled = false;
      await show();
      if (work.state === "failed") say(work.message);
      else if (work.state === "cancelled") say("Stopped; the map is as it was.");
      else if (work.result?.method === "PCA" && !work.installed) say("Made without scikit-learn, which would show groups better: pip install \"image-search[analysis]\", then make it again.");
      return;
    }
    const left = work.seconds_left ? `, ${duration(work.seconds_left)} left` : "";
    say(work.total ? `Making the map: step ${count(work.done)} of ${count(work.total)}${left}…` : "Making the map…");
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

async function locate(file) {
  const form = new FormData();
  form.append("extractor", extractor());
  form.append("image", file);
  try {
    const found = await call("POST", "map/place", { body: form });
    plane.marks.place = { x: found.x / 65535, y: found.y / 65535 };
    const number = new Map(images.id.map((id, i) => [id, i]));
    choose(found.nearest.map((id) => number.get(id)).filter((i) => i != null), ", the nearest to your picture");
    plane.centre(plane.marks.place.x, plane.marks.place.y);
  } catch (error) {
    byId("map-chosen-text").textContent = error.message;
  }
}

// Pointers: one drags or draws, two pinch.
const pointers = new Map();
let moved = 0;

const on = (event) => {
  const box = stage.getBoundingClientRect();
  return { x: event.clientX - box.left - stage.clientLeft, y: event.clientY - box.top - stage.clientTop };
};

stage.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  stage.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, on(event));
  moved = 0;
  plane.marks.lasso = lassoing && pointers.size === 1 ? [on(event)] : null;
});

stage.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = on(event);
  moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
  if (plane.marks.lasso) {
    plane.marks.lasso.push(now);
    plane.draw();
  } else if (pointers.size === 1) plane.move(now.x - before.x, now.y - before.y);
  else {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y);
    plane.zoom(apart(now) / Math.max(1, apart(before)), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }
  pointers.set(event.pointerId, now);
});

for (const type of ["pointerup", "pointercancel"]) {
  stage.addEventListener(type, (event) => {
    if (!pointers.delete(event.pointerId)) return;
    const outline = plane.marks.lasso;
    plane.marks.lasso = null;
    if (type === "pointerup" && moved < 6 && !pointers.size) {
      const { x, y } = on(event);
      const hit = plane.at(x, y);
      choose(hit < 0 ? [] : [hit]);
    } else if (outline && type === "pointerup") choose(plane.inside(outline));
    else plane.draw();
  });
}

stage.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    const { x, y } = on(event);
    plane.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), x, y);
  },
  { passive: false },
);

stage.addEventListener("dblclick", (event) => {
  const { x, y } = on(event);
  plane.zoom(2, x, y);
});

const KEYS = {
  ArrowLeft: () => plane.move(STEP, 0),
  ArrowRight: () => plane.move(-STEP, 0),
  ArrowUp: () => plane.move(0, STEP),
  ArrowDown: () => plane.move(0, -STEP),
  "+": () => plane.zoom(FASTER),
  "=": () => plane.zoom(FASTER),
  "-": () => plane.zoom(1 / FASTER),
  0: () => plane.fit(),
  v: () => choose(plane.inView()),
  Escape: () => choose([]),
  Enter: () => {
    const hit = plane.at(plane.width / 2, plane.height / 2, Infinity);
    choose(hit < 0 ? [] : [hit]);
  },
};

stage.addEventListener("keydown", (event) => {
  const act = plain(event) && KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

byId("map-lasso").addEventListener("click", () => {
  lassoing = !lassoing;
  byId("map-lasso").setAttribute("aria-pressed", String(lassoing));
  stage.classList.toggle("drawing", lassoing);
});
byId("map-alone").addEventListener("click", () => {
  const on = byId("map-alone").getAttribute("aria-pressed") !== "true";
  byId("map-alone").setAttribute("aria-pressed", String(on));
  place();
});
byId("map-in-view").addEventListener("click", () => choose(plane.inView()));
byId("map-all").addEventListener("click", () => plane.fit());
byId("map-none").addEventListener("click", () => choose([]));
byId("map-make").addEventListener("click", build);
byId("map-cancel").addEventListener("click", () => call("DELETE", "map/work").catch((error) => say(error.message)));
byId("map-extractor").addEventListener("change", show);
byId("map-colour").addEventListener("change", show);
byId("map-sketch").addEventListener("change", (event) => {
  if (event.target.files.length) locate(event.target.files[0]);
  event.target.value = "";
});
byId("leave").addEventListener("submit", forget);

const work = await call("GET", "map/work").catch(() => ({}));
await show();
if (work.state === "running") watch();
