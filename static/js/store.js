// Pictures asked with, kept in this browser under a key of their content, so that going back, going
// forward and reloading bring them back. Nothing of it leaves the browser; signing out clears it.

export const RECENT = "image-search.recent"; // where recent.js keeps what was searched for
const NAME = "image-search";
const TABLE = "pictures";
const MOST = 150; // pictures; the oldest go first
const READ = 2_000_000; // bytes hashed at either end of a large file

let opening = null;
let base = null;

function opened() {
  opening ??= new Promise((resolve) => {
    let request;
    try {
      request = indexedDB.open(NAME, 1);
    } catch {
      resolve(null); // forbidden here: everything works but going back to a picture
      return;
    }
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE).createIndex("kept", "kept");
    request.onsuccess = () => resolve((base = request.result));
    request.onerror = () => resolve(null);
  });
  return opening;
}

const done = (request) =>
  new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(undefined);
  });

// picture: { file, drawing }
export async function keep(key, picture) {
  const base = await opened();
  if (!base) return;
  const table = base.transaction(TABLE, "readwrite").objectStore(TABLE);
  await done(table.put({ ...picture, kept: Date.now() }, key));
  const surplus = (await done(table.count())) - MOST;
  if (surplus <= 0) return;
  const old = await done(table.index("kept").getAllKeys(null, surplus));
  for (const key of old ?? []) table.delete(key);
}

export async function kept(key) {
  const base = await opened();
  return base && done(base.transaction(TABLE).objectStore(TABLE).get(key));
}

// At once and without waiting, since the page is about to be left.
export function forget() {
  base?.close();
  opening = base = null;
  indexedDB.deleteDatabase(NAME);
  localStorage.removeItem(RECENT);
}

// Not crypto.subtle: browsers withhold it from pages served without TLS. It tells pictures apart,
// no more.
export async function keyOf(file) {
  const parts = file.size > 2 * READ ? [file.slice(0, READ), file.slice(-READ)] : [file];
  let a = 0xdeadbeef ^ file.size;
  let b = 0x41c6ce57 ^ file.size;
  for (const part of parts) {
    for (const byte of new Uint8Array(await part.arrayBuffer())) {
      a = Math.imul(a ^ byte, 2654435761);
      b = Math.imul((b ^ byte) + (a >>> 16), 1597334677);
    }
  }
  const hex = (number) => (number >>> 0).toString(16).padStart(8, "0");
  return hex(a ^ (a >>> 15)) + hex(b ^ (b >>> 13));
}
