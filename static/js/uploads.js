// New images into the collection, from the page; only where the settings allow it.

import { call } from "./api.js";
import { byId, make } from "./elements.js";
import { counted } from "./format.js";

const AT_ONCE = 8; // files a request, so that progress shows and no request grows beyond its limit

// added is called once images have come; the service indexes them by itself.
export function start(added) {
  const input = byId("upload-files");
  if (!input) return;
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = "";
    await send(files);
    added({ running: true });
  });
}

async function send(files) {
  const told = byId("upload-told");
  const list = byId("upload-refused");
  list.replaceChildren();
  const folder = byId("upload-folder").value.trim();
  let done = 0;
  for (let at = 0; at < files.length; at += AT_ONCE) {
    told.textContent = `Sending ${counted(files.length, "image")}: ${at} are there…`;
    const body = new FormData();
    for (const file of files.slice(at, at + AT_ONCE)) body.append("image", file);
    if (folder) body.append("folder", folder);
    const refuse = (rows) => list.append(...rows.map(({ name, message }) => make("li", {}, name, make("span", {}, message))));
    try {
      const answer = await call("POST", "images", { body });
      done += answer.added.length;
      refuse(answer.refused);
    } catch (error) {
      if (error.body?.refused) refuse(error.body.refused);
      else {
        told.textContent = error.message;
        return;
      }
    }
  }
  told.textContent = `${counted(done, "image")} added${done < files.length ? `; ${files.length - done} could not be` : ""}.`;
}
