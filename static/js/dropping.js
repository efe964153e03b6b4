// For pages that take no files: one that is dropped must not replace the page.
const refuse = (event) => {
  event.preventDefault();
  event.dataTransfer.dropEffect = "none";
};
for (const name of ["dragover", "drop"]) document.addEventListener(name, refuse);
