// The parts of a likeness and the stages of an update, in words for people.

const WORDS = {
  clip: "meaning",
  resnet50: "detail",
  design: "design",
  hsv: "colour",
  edges: "shape",
  texture: "surface",
  name: "name",
  neighbours: "kinship",
};

const STAGES = {
  resolving: "Looking for the models",
  scanning: "Looking through the folder",
  embedding: "Reading images",
  saving: "Saving",
  fingerprints: "Taking fingerprints",
  thresholds: "Measuring what tells copies apart",
  duplicates: "Looking for duplicates",
};

export const stage = (name) => STAGES[name] ?? "Working";

const list = new Intl.ListFormat("en-GB", { type: "conjunction" });

// Other weights of an extractor, such as clip-laion2b, are named after it.
export const word = (part) => WORDS[part] ?? WORDS[part.split("-")[0]] ?? part;

// The parts that have a say in any of these hits, the weightiest first.
export function parts(hits) {
  const say = new Map();
  for (const { contributions } of hits) {
    for (const [part, value] of Object.entries(contributions)) {
      say.set(part, Math.max(say.get(part) ?? 0, Math.abs(value)));
    }
  }
  return [...say.keys()].filter((part) => say.get(part) > 0).sort((a, b) => say.get(b) - say.get(a));
}

export function whatDecides(hits) {
  // What the closest say about the others follows from how they were found themselves.
  const names = parts(hits).filter((part) => part !== "neighbours").map(word);
  if (!names.length) return "";
  const silent = [WORDS.hsv, WORDS.clip].filter((name) => !names.includes(name));
  const out = silent.length ? `, ${list.format(silent)} ${silent.length > 1 ? "take" : "takes"} no part` : "";
  return `; ${list.format(names)} ${names.length > 1 ? "decide" : "decides"}${out}`;
}
