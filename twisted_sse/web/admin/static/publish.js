/*
 * Publishes a test event, and says what became of it.
 */

import { ask } from "./api.js";
import { count } from "./format.js";

const find = (id) => document.getElementById(id);

async function publish() {
  const publication = { topic: find("publish-topic").value, data: find("publish-data").value };
  const type = find("publish-type").value.trim();
  if (type) {
    publication.event = type;
  }
  if (find("publish-private").checked) {
    publication.private = true;
  }
  const { id, subscribers } = await ask("events", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(publication),
  });
  return `Published as ${id}, handed to ${count(subscribers)} subscriber${subscribers === 1 ? "" : "s"}.`;
}

export function preparePublishing() {
  find("publish").addEventListener("submit", async (event) => {
    event.preventDefault();
    const result = find("publish-result");
    try {
      result.textContent = await publish();
      result.dataset.outcome = "published";
    } catch (error) {
      result.textContent = error.message;
      result.dataset.outcome = "refused";
    }
  });
}
