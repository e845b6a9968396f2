/*
 * Shows the events of a topic as they are sent: with a pause, and with a filter.
 */

import { follow } from "./stream.js";

const find = (id) => document.getElementById(id);

const MOST_ROWS = 500;

// While the view is paused, no more than these are kept to be shown later.
const MOST_WAITING = 500;

function cell(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

export class Watch {
  constructor() {
    this.following = null;
    this.paused = false;
    this.waiting = [];
    find("watch").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.following) {
        this.stop();
      } else {
        this.start(find("watch-topic").value.trim());
      }
    });
    find("watch-pause").addEventListener("click", () => this.pause(!this.paused));
    find("watch-filter").addEventListener("input", () => this.filter());
  }

  start(topic) {
    this.stop();
    find("watch-topic").value = topic;
    find("watch-log").replaceChildren();
    this.pause(false);
    find("watch-start").textContent = "Stop";
    find("watch-pause").disabled = false;
    this.following = new AbortController();
    const { signal } = this.following;
    const path = `events?topic=${encodeURIComponent(topic)}`;
    const report = (sentence) => signal.aborted || (find("watch-state").textContent = sentence);
    follow(path, signal, (event) => this.take(event), report);
  }

  stop() {
    this.following?.abort();
    this.following = null;
    find("watch-start").textContent = "Watch";
    find("watch-pause").disabled = true;
    find("watch-state").textContent = "not watching";
  }

  pause(paused) {
    this.paused = paused;
    const button = find("watch-pause");
    button.setAttribute("aria-pressed", String(paused));
    if (!paused) {
      this.waiting.forEach((row) => this.add(row));
      this.waiting = [];
    }
    button.textContent = paused ? "Go on" : "Pause";
  }

  take(event) {
    const row = this.row(event);
    if (!this.paused) {
      this.add(row);
      return;
    }
    this.waiting.push(row);
    this.waiting.splice(0, this.waiting.length - MOST_WAITING);
    find("watch-pause").textContent = `Go on (${this.waiting.length})`;
  }

  row(event) {
    const row = document.createElement("li");
    const control = event.type.startsWith("stream-");
    row.title = event.id;
    row.append(
      cell("when", new Date().toLocaleTimeString("en-GB")),
      cell(control ? "type control" : "type", event.type),
      cell(control ? "data control" : "data", event.data),
    );
    return row;
  }

  add(row) {
    const list = find("watch-log");
    row.hidden = !this.matches(row);
    list.prepend(row);
    while (list.children.length > MOST_ROWS) {
      list.lastElementChild.remove();
    }
  }

  matches(row) {
    const text = find("watch-filter").value.trim().toLowerCase();
    return row.textContent.toLowerCase().includes(text);
  }

  filter() {
    for (const row of find("watch-log").children) {
      row.hidden = !this.matches(row);
    }
  }
}
