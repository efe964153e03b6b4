// The last searches, kept in this browser alone, so that each is one click away. Signing out forgets
// them.

import { button, byId, make } from "./elements.js";
import { RECENT } from "./store.js";

const MOST = 12;
const SIDE = 88; // pixels of the small picture that is kept of a query
const ASKED = ["image", "like", "text", "color", "label"]; // two searches for the same are one

const list = make("ul");
const box = make("details", { class: "recent", hidden: true }, make("summary", {}, "Recent searches"), list,
  button("Forget them", () => {
    localStorage.removeItem(RECENT);
    show();
    byId("words").focus();
  }, { class: "quiet mini" }));
byId("query").querySelector(".refine").after(box);

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

const key = (search) => {
  const params = new URLSearchParams(search);
  return JSON.stringify([...ASKED.map((name) => params.getAll(name)), params.get("check")]);
};

// words: the query as one line.
export function remember(words) {
  const { search } = location;
  if (JSON.parse(key(search)).flat(2).every((value) => !value)) return; // nothing was asked, as at the start
  const entry = { search, words, picture: small(document.querySelector(".previews img")) };
  const rest = kept().filter((other) => key(other.search) !== key(search));
  try {
    localStorage.setItem(RECENT, JSON.stringify([entry, ...rest].slice(0, MOST)));
  } catch {
    // no room, or not allowed: there are fewer of them
  }
  show();
}

function small(image) {
  if (!image?.naturalWidth) return "";
  const scale = Math.min(1, SIDE / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = make("canvas", { width: Math.max(1, Math.round(scale * image.naturalWidth)), height: Math.max(1, Math.round(scale * image.naturalHeight)) });
  const paper = canvas.getContext("2d");
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.75);
}

export function show() {
  const rows = kept().filter(({ search }) => typeof search === "string" && search.startsWith("?"));
  box.hidden = !rows.length;
  box.open = document.body.classList.contains("start");
  list.replaceChildren(
    ...rows.map(({ search, words, picture }) => {
      const shown = /^data:image\/jpeg;/.test(picture) ? make("img", { src: picture, alt: "" }) : null;
      return make("li", {}, make("a", { href: `./${search}` }, shown, make("span", {}, words || "A picture")));
    }),
  );
}
