/*
 * The form that publishes one event.
 *
 * The token is kept in the sessionStorage of this tab, and sent only to the hub.
 */

const TOKEN_KEY = "twisted_sse.token";

const find = (id) => document.getElementById(id);

function show(outcome, text) {
  const result = find("publish-result");
  result.dataset.outcome = outcome;
  result.textContent = text;
}

async function send(topic, text, token) {
  return fetch("/events", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(token && { Authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ topic, event: "note", data: { text, time: Date.now() / 1000 } }),
  });
}

function confirmation(receipt) {
  const { id, subscribers } = [receipt].flat()[0];
  const readers = subscribers === 1 ? "1 subscriber" : `${subscribers} subscribers`;
  return `Published as ${id}, handed to ${readers}.`;
}

/* RFC 9457: "detail" is the sentence for users, "title" the kind of problem. */
async function complaint(response) {
  const problem = await response.json().catch(() => ({}));
  const status = `${response.status} ${response.statusText}`.trim();
  return problem.detail || problem.title || `The hub answered ${status}.`;
}

async function publish() {
  const token = find("publish-token").value.trim();
  sessionStorage.setItem(TOKEN_KEY, token);
  const topic = find("publish-topic").value.trim();
  const response = await send(topic, find("publish-text").value, token);
  if (!response.ok) {
    show("refused", await complaint(response));
    return;
  }
  show("published", confirmation(await response.json()));
  find("publish-text").value = "";
  find("publish-text").focus();
}

export function preparePublishing() {
  find("publish-token").value = sessionStorage.getItem(TOKEN_KEY) ?? "";
  find("publish").addEventListener("submit", async (submission) => {
    submission.preventDefault();
    const button = find("publish-send");
    button.disabled = true;
    show("waiting", "Publishing…");
    await publish().catch((error) => show("refused", `Not published: ${error.message}.`));
    button.disabled = false;
  });
}
