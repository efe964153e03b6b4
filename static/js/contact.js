// The button of a contact sheet.
document.getElementById("print").addEventListener("click", () => window.print());
