// The parts of a likeness and the stages of an update, in words for people.

const WORDS = {
  clip: "subject", // "meaning" is what all trained networks see together, as one slider weighs them
  resnet50: "detail",
  vgg16: "scene",
  dinov2: "look",
  imagenet: "object",
  design: "design",
  hsv: "colour",
  edges: "shape",
  texture: "surface",
  name: "name",
  style: "style",
  vae: "look",
  query_expansion: "like the first results",
  part: "the area",
};

const STAGES = {
  resolving: "Looking for the models",
  scanning: "Looking through the folder",
  embedding: "Reading images",
  adding: "Adding models",
  saving: "Saving",
  fingerprints: "Making fingerprints",
  thresholds: "Measuring how to recognise copies",
  duplicates: "Looking for duplicates",
};

export const stage = (name) => STAGES[name] ?? "Working";

const list = new Intl.ListFormat("en-GB", { type: "conjunction" });

// Other weights of an extractor, such as clip-laion2b, are named after it.
export const word = (part) => WORDS[part] ?? WORDS[part.split("-")[0]] ?? part;

// What the first results add to the others; it follows from how these were found themselves.
const EXPANSION = "query_expansion";

// The parts that add to any of these hits, the largest first, query expansion last.
export function parts(hits) {
  const most = new Map();
  for (const { contributions } of hits) {
    for (const [part, value] of Object.entries(contributions)) {
      most.set(part, Math.max(most.get(part) ?? 0, Math.abs(value)));
    }
  }
  const order = (part) => (part === EXPANSION ? 0 : most.get(part));
  return [...most.keys()].filter((part) => most.get(part) > 0).sort((a, b) => order(b) - order(a));
}

const MAINLY = 0.15; // share of all that is added, from where on a part is named first

// What each part adds to the scores of these hits, as shares of all, the largest first.
function shares(hits) {
  const added = new Map();
  for (const { contributions } of hits) {
    for (const [part, value] of Object.entries(contributions)) {
      if (part !== EXPANSION) added.set(part, (added.get(part) ?? 0) + Math.abs(value));
    }
  }
  const all = [...added.values()].reduce((sum, value) => sum + value, 0);
  return [...added].filter(([, value]) => value > 0).map(([part, value]) => [part, value / all]).sort((a, b) => b[1] - a[1]);
}

const and = (names) => list.format(names);

// What these hits were matched on, as a sentence.
export function matchedOn(hits) {
  const used = shares(hits);
  if (!used.length) return "";
  if (used.some(([part]) => part === "part")) return "Matched on what the area shows";
  const named = (some) => some.map(([part]) => word(part));
  const mainly = used.filter(([, share], at) => at === 0 || share >= MAINLY);
  const little = used.slice(mainly.length);
  const unused = [];
  if (!used.some(([part]) => part === "hsv")) unused.push(WORDS.hsv);
  if (used.every(([part]) => ["hsv", "edges", "texture", "name"].includes(part))) unused.push("meaning");
  return [
    `Matched on ${and(named(mainly))}`,
    ...(little.length ? [`a little on ${and(named(little))}`] : []),
    ...(unused.length ? [`not on ${unused.join(" or ")}`] : []),
  ].join(", ");
}
