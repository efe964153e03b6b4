// New images into the collection, from the page; only where the settings allow it.

import { call } from "./api.js";
import { button, byId, make } from "./elements.js";
import { counted } from "./format.js";

const AT_ONCE = 8; // files a request, so that progress shows and no request grows beyond its limit

// added is called once images have come; the service indexes them by itself. judge takes a file
// whose verdict is wanted.
export function start(added, judge) {
  const input = byId("upload-files");
  if (!input) return;
  const chosen = async () => {
    const files = [...input.files];
    input.value = "";
    await send(files, judge);
    added({ running: true });
  };
  input.addEventListener("change", chosen);
  if (input.files.length) chosen(); // before this script had come
}

async function send(files, judge) {
  const status = byId("upload-text");
  const list = byId("upload-rows");
  list.replaceChildren();
  const folder = byId("upload-folder").value.trim();
  const row = (name, ...more) => list.append(make("li", {}, name, ...more));
  const refuse = (rows) => rows.forEach(({ name, message }) => row(name, make("span", {}, message)));
  let done = 0;
  for (let at = 0; at < files.length; at += AT_ONCE) {
    status.textContent = `Sending ${counted(files.length, "image")}: ${at} sent…`;
    const body = new FormData();
    const some = files.slice(at, at + AT_ONCE);
    for (const file of some) body.append("image", file);
    if (folder) body.append("folder", folder);
    try {
      const answer = await call("POST", "images", { body });
      done += answer.added.length;
      refuse(answer.refused);
      for (const { name, same } of answer.existing) {
        const file = some.find((one) => one.name === name);
        const verdict = file && button("Has this been drawn before?", () => judge(file), { class: "link" });
        row(name, make("span", {}, `The same picture is already in the collection: ${same.join(", ")}. `, verdict));
      }
    } catch (error) {
      if (error.body?.refused) refuse(error.body.refused);
      else {
        status.textContent = error.message;
        return;
      }
    }
  }
  status.textContent = `${counted(done, "image")} added${done < files.length ? `; ${files.length - done} could not be added` : ""}.`;
}
