// Results that are the same picture lie on one stack, which opens as a row.

import { call } from "./api.js";
import { button } from "./elements.js";
import { counted } from "./format.js";

const MOST = 500; // ids of one question

const opened = new Set(); // the first hits of stacks that are open, by id
let known = new Map(); // the group of each image that was asked about, "" where it has none

// The hits with those of one group folded behind the best of them, which gets them as its `stack`.
export async function fold(hits) {
  const ids = hits.map(({ id }) => id).filter((id) => !known.has(id));
  for (let at = 0; at < ids.length; at += MOST) {
    const some = ids.slice(at, at + MOST);
    const body = new FormData();
    body.append("ids", some.join(" "));
    const { groups } = await call("POST", "duplicates/groups", { body }).catch(() => ({ groups: {} }));
    for (const id of some) known.set(id, groups[id] ?? "");
  }
  const firsts = new Map();
  const shown = [];
  for (const hit of hits) {
    const group = known.get(hit.id);
    const first = group ? firsts.get(group) : null;
    if (first) {
      first.stack.push(hit);
      if (opened.has(first.id)) shown.push({ ...hit, within: first.id });
      continue;
    }
    const own = { ...hit, stack: [] };
    if (group) firsts.set(group, own);
    shown.push(own);
  }
  return sorted(shown);
}

// What lies on an open stack follows its first.
function sorted(shown) {
  const of = new Map();
  for (const hit of shown) if (hit.within) of.set(hit.within, [...(of.get(hit.within) ?? []), hit]);
  return shown.filter((hit) => !hit.within).flatMap((hit) => [hit, ...(of.get(hit.id) ?? [])]);
}

// The sign on the first of a stack; again() shows the hits once more.
export function sign(hit, again) {
  const open = opened.has(hit.id);
  const number = hit.stack.length + 1;
  const click = () => {
    if (open) opened.delete(hit.id);
    else opened.add(hit.id);
    again();
  };
  return button(`${open ? "−" : "+"}${number - 1}`, click, {
    class: "stack",
    "aria-expanded": String(open),
    "aria-label": `${counted(number, "version")} of this picture`,
    title: open ? "Put them back on one stack" : `${counted(number, "result")} show the same picture: show them all`,
  });
}
