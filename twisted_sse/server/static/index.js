/*
 * Puts this hub's own address into the lines to copy, and copies them.
 */

const WRITTEN_ADDRESS = "http://localhost:8080";

// The clipboard's own interface exists only over HTTPS and on localhost, and may be forbidden.  The
// old way needs no permission, only a selection, which also serves whoever copies by hand.
async function copy(element) {
  getSelection().selectAllChildren(element);
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

function announce(button, copied) {
  const text = copied ? "Copied" : "Selected";
  button.textContent = text;
  document.getElementById("copied").textContent = text;
  setTimeout(() => {
    button.textContent = "Copy";
    document.getElementById("copied").textContent = "";
  }, 2000);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const line = document.getElementById(button.dataset.copy);
  line.textContent = line.textContent.replace(WRITTEN_ADDRESS, location.origin);
  button.addEventListener("click", async () => {
    announce(button, await copy(line));
  });
}
