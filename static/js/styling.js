// The page on which a picture is drawn in the style of another.

import { call } from "./api.js";
import { byId } from "./elements.js";
import { count, duration } from "./format.js";
import { forget } from "./store.js";

const POLL = 700; // milliseconds
const asked = new URLSearchParams(location.search);
const drawn = byId("styling-drawn");
const say = (text) => (byId("styling-text").textContent = text);

// A side of the pair: a file of the person, or an image of the collection.
function side(name, field, indexed) {
  const shown = byId(`styling-${name}`);
  const input = byId(`styling-${name}-file`);
  const id = asked.get(indexed);
  if (/^[0-9a-f]{16}(-\d+)?$/.test(id ?? "")) {
    shown.src = `thumbnails/${id}?side=640`;
    shown.hidden = false;
  }
  input.addEventListener("change", () => {
    if (!input.files.length) return;
    if (shown.src.startsWith("blob:")) URL.revokeObjectURL(shown.src);
    shown.src = URL.createObjectURL(input.files[0]);
    shown.hidden = false;
  });
  return (form) => {
    if (input.files.length) form.append(field, input.files[0]);
    else if (id) form.append(indexed, id);
  };
}

const sides = [side("content", "image", "like"), side("style", "style_image", "style")];

async function start() {
  const form = new FormData();
  for (const add of sides) add(form);
  form.append("strength", byId("styling-strength").value);
  form.append("side", byId("styling-side").value);
  try {
    await call("POST", "stylize", { body: form });
  } catch (error) {
    say(error.message);
    if (error.code !== "work_running") return;
  }
  watch();
}

function show(version) {
  drawn.src = `stylize/picture?v=${version}`;
  drawn.hidden = false;
}

async function watch() {
  const busy = (on) => {
    byId("styling-draw").disabled = on;
    byId("styling-cancel").hidden = !on;
  };
  busy(true);
  byId("styling-save").hidden = true;
  let before = 0;
  for (;;) {
    const work = await call("GET", "stylize/work").catch((error) => ({ state: "failed", message: error.message }));
    if (work.state !== "running") {
      busy(false);
      if (work.state === "done") {
        show(work.id);
        byId("styling-save").href = `stylize/picture?v=${work.id}`;
        byId("styling-save").hidden = false;
        say(`Drawn by ${work.result.method}, ${work.result.width} × ${work.result.height} pixels.`);
      } else {
        drawn.hidden = true;
        say(work.state === "cancelled" ? "Stopped." : work.message);
      }
      return;
    }
    const left = work.seconds_left ? `, ${duration(work.seconds_left)} left` : "";
    say(work.total ? `Drawing: step ${count(work.done)} of ${count(work.total)}${left}…` : "Drawing…");
    if (work.done > Math.max(1, before)) {
      before = work.done;
      show(`${work.id}-${work.done}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

drawn.addEventListener("error", () => (drawn.hidden = true)); // there is no preview yet
byId("styling-draw").addEventListener("click", start);
byId("styling-cancel").addEventListener("click", () => call("DELETE", "stylize/work").catch((error) => say(error.message)));
byId("leave").addEventListener("submit", forget);
