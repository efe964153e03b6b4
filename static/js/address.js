// The query in the address, so that back, forward, bookmarks and links work.

let restore = () => {};

export const read = () => new URLSearchParams(location.search);

// One step of the person is one step of the history; what goes on from it replaces it.
export function write(params, goesOn) {
  const query = String(params);
  const target = query ? `./?${query}` : "./";
  if (new URL(target, location.href).href === location.href) return;
  if (goesOn) history.replaceState(null, "", target);
  else history.pushState(null, "", target);
}

export function start(onChange) {
  restore = onChange;
  window.addEventListener("popstate", () => restore(read()));
}
