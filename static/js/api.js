// Calls to the service. Every failure becomes an ApiError with a message fit to be shown.

import { make } from "./elements.js";
import { clear, notice } from "./notices.js";

export class ApiError extends Error {
  constructor(code, message, body = {}) {
    super(message);
    this.code = code;
    this.body = body;
  }
}

const meta = (root, name) => root.querySelector(`meta[name="${name}"]`)?.content;
let token = meta(document, "csrf-token");

export const uploadBytes = Number(meta(document, "upload-megabytes")) * 1e6;

export async function call(method, address, { body, signal } = {}) {
  let answer = await send(method, address, body, signal);
  if (answer.status === 403 && (await renewToken())) {
    answer = await send(method, address, body, signal); // signed in anew in another window
  }
  const data = await answer.json().catch(() => ({}));
  if (answer.ok) {
    if (clear("session")) document.dispatchEvent(new Event("server-back"));
    return data;
  }
  if (answer.status === 401) askToSignIn();
  const error = data.error ?? { code: "unknown", message: `The service answered ${answer.status}.` };
  throw new ApiError(error.code, error.message, data);
}

async function send(method, address, body, signal) {
  const headers = { Accept: "application/json", "X-CSRF-Token": token };
  try {
    return await fetch(address, { method, body, signal, headers, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    waitForServer();
    throw new ApiError("gone", "The service does not answer.");
  }
}

async function renewToken() {
  const page = await fetch("./", { headers: { Accept: "text/html" } }).catch(() => null);
  if (!page?.ok) return false;
  const found = new DOMParser().parseFromString(await page.text(), "text/html");
  const fresh = meta(found, "csrf-token");
  if (!fresh || fresh === token) return false;
  token = fresh;
  return true;
}

function askToSignIn() {
  // In a window of its own, so that the query on this page is not lost.
  const link = make("a", { class: "button", href: "login", target: "_blank", rel: "noopener" }, "Sign in again");
  notice("session", "Your session has ended. Sign in again; then this page continues where it was.", {
    kind: "warning",
    actions: [link],
    sticky: true,
  });
}

let waiting = false;

async function waitForServer() {
  if (waiting) return;
  waiting = true;
  notice("gone", "The service does not answer. Trying again…", { kind: "error", sticky: true });
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const health = await fetch("health").catch(() => null);
    if (health?.ok) break;
  }
  waiting = false;
  clear("gone");
  document.dispatchEvent(new Event("server-back"));
}

// Sends a form as a person would, its answer in a new tab; `fields` are added to it.
export function sendForm(address, data, fields = {}) {
  const form = make("form", { method: "post", action: address, target: "_blank", enctype: "multipart/form-data", hidden: true });
  for (const [name, value] of Object.entries({ csrf_token: token, ...fields })) form.append(make("input", { name, value }));
  for (const [name, value] of data) {
    if (value instanceof File) {
      const carried = new DataTransfer();
      carried.items.add(value);
      const input = make("input", { type: "file", name });
      input.files = carried.files;
      form.append(input);
    } else form.append(make("input", { name, value }));
  }
  document.body.append(form);
  form.submit();
  form.remove();
}
