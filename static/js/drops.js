// A file or a link that is dropped where nothing takes it would make the browser leave the page.

// Whether an event carries a file or a link, which is then not left to the browser. Words that are
// dragged into their field are its business.
export function caught(event) {
  const { types } = event.dataTransfer;
  if (!types.includes("Files") && !types.includes("text/uri-list")) return false;
  event.preventDefault();
  return true;
}

// Where nothing takes it, the pointer shows so.
export function refuse(event) {
  if (caught(event)) event.dataTransfer.dropEffect = "none";
}
