// The parts of a likeness and the stages of an update, in words for people.

const WORDS = {
  clip: "subject", // "meaning" is what all trained networks see together, as one slider weighs them
  resnet50: "detail",
  design: "design",
  hsv: "colour",
  edges: "shape",
  texture: "surface",
  name: "name",
  neighbours: "like the first results",
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

const DECIDES = 0.15; // share of all that is added, from where on a part decides

// What each part adds to the scores of these hits, as shares of all, the largest first. What the
// closest say about the others follows from how they were found themselves, and is left out.
function shares(hits) {
  const added = new Map();
  for (const { contributions } of hits) {
    for (const [part, value] of Object.entries(contributions)) {
      if (part !== "neighbours") added.set(part, (added.get(part) ?? 0) + Math.abs(value));
    }
  }
  const all = [...added.values()].reduce((sum, value) => sum + value, 0);
  return [...added].filter(([, value]) => value > 0).map(([part, value]) => [part, value / all]).sort((a, b) => b[1] - a[1]);
}

const count = (names, one, several) => `${list.format(names)} ${names.length > 1 ? several : one}`;

export function whatDecides(hits) {
  const heard = shares(hits);
  if (!heard.length) return "";
  const named = (some) => some.map(([part]) => word(part));
  const decides = heard.filter(([, share], at) => at === 0 || share >= DECIDES);
  const little = heard.slice(decides.length);
  const silent = [];
  if (!heard.some(([part]) => part === "hsv")) silent.push(WORDS.hsv);
  if (heard.every(([part]) => ["hsv", "edges", "texture", "name"].includes(part))) silent.push("meaning");
  return [
    `; ${count(named(decides), "decides", "decide")}`,
    ...(little.length ? [count(named(little), "counts little", "count little")] : []),
    ...(silent.length ? [count(silent, "takes no part", "take no part")] : []),
  ].join(", ");
}
