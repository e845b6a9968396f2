/*
 * The dashboard: puts its parts together.
 */

import { ask } from "./api.js";
import { age, count, size } from "./format.js";
import { Numbers } from "./numbers.js";
import { preparePublishing } from "./publish.js";
import { Runs } from "./runs.js";
import { Table } from "./table.js";
import { Watch } from "./watch.js";

const find = (id) => document.getElementById(id);

const REFRESH_SECONDS = 5;

const SENTENCES = {
  open: "connected",
  lost: "connection lost, reconnecting…",
  unready: "connected, but the hub is not ready",
};

function announce(sentence) {
  find("announcement").textContent = sentence;
}

function setStatus(state) {
  const status = find("status");
  if (status.dataset.state !== state) {
    status.dataset.state = state;
    status.textContent = SENTENCES[state];
  }
}

const watch = new Watch();

function showTopics({ total, topics }) {
  find("topics-count").textContent = `${count(total)} subscribed`;
  const rows = topics.map(({ topic, connections }) => {
    const row = document.createElement("li");
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = name.title = topic;
    const number = document.createElement("span");
    number.textContent = count(connections);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Watch";
    button.setAttribute("aria-label", `Watch ${topic}`);
    button.addEventListener("click", () => watch.start(topic));
    row.append(name, number, button);
    return row;
  });
  const list = find("topics");
  // Leave the list alone while somebody chooses in it.
  if (!list.contains(document.activeElement)) {
    list.replaceChildren(...rows);
  }
}

function showStatus({ ready, version, uptime, processes, history }) {
  find("fact-version").textContent = version;
  find("fact-uptime").textContent = age(uptime);
  find("fact-processes").textContent = count(processes);
  const kind = history.kind.replace("History", "");
  const events = history.events === null ? "" : `, ${count(history.events)} events`;
  const bytes = history.bytes === null ? "" : `, ${size(history.bytes)}`;
  find("fact-history").textContent = kind + events + bytes;
  if (find("status").dataset.state !== "lost") {
    setStatus(ready ? "open" : "unready");
  }
}

async function refresh() {
  try {
    const [status, topics] = await Promise.all([ask("status"), ask("topics?limit=50")]);
    showStatus(status);
    showTopics(topics);
  } catch {
    // The stream of numbers tells that the hub is away.
  }
}

const closing = { row: null };

function askToClose(row) {
  closing.row = row;
  const topics = row.topics.join(", ");
  find("closing-who").textContent = `${row.user ?? "Nobody"} at ${row.address}, ${topics} (${row.id})`;
  find("closing-data").value = "";
  find("closing").showModal();
}

const table = new Table(announce, askToClose);
const runs = new Runs(announce);

find("closing").addEventListener("close", async ({ target }) => {
  if (target.returnValue !== "close") {
    return;
  }
  target.returnValue = "";
  const data = find("closing-data").value;
  try {
    await ask(`connections/${encodeURIComponent(closing.row.id)}`, {
      method: "DELETE",
      ...(data && { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ data }) }),
    });
    announce(`The connection ${closing.row.id} is closed.`);
  } catch (error) {
    announce(error.message);
  }
  table.load();
  find("connections-title").focus({ preventScroll: true });
});

preparePublishing();
const numbers = new Numbers((state) => {
  setStatus(state);
  if (state === "open") {
    refresh();
    table.load();
    runs.load();
  }
});
setInterval(() => document.hidden || refresh(), REFRESH_SECONDS * 1000);

// A browser may keep a page that is left, to show it again at once.  Its streams would stay
// open, and a browser opens six connections to a server that speaks HTTP/1.1.
addEventListener("pagehide", () => {
  numbers.close();
  watch.stop();
});
addEventListener("pageshow", ({ persisted }) => persisted && numbers.open());
