/*
 * Puts this hub's address into the commands, and copies them on request.
 */

const WRITTEN_ADDRESS = "http://localhost:8080";

// navigator.clipboard exists only over HTTPS and on localhost, and may be denied.  execCommand needs
// no permission, only a selection, which also helps users who copy by hand.
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
