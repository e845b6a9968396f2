/*
 * The log of the newest events, and their counters.
 */

const MOST_ROWS = 12;
const RATE_SECONDS = 10;

const find = (id) => document.getElementById(id);

function timestamp(date) {
  return `${date.toLocaleTimeString("en-GB")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function cell(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

export class EventLog {
  constructor() {
    this.count = 0;
    this.arrivals = [];
    this.began = performance.now();
    setInterval(() => this.showRate(), 1000);
  }

  event(event, replayed) {
    this.count += 1;
    if (!replayed) {
      this.arrivals.push(performance.now());
    }
    find("counter-events").textContent = this.count.toLocaleString("en");
    this.add(event, "event");
  }

  /* Add a row for a control event, which is not counted. */
  control(event) {
    this.add(event, "control");
  }

  add(event, kind) {
    const row = document.createElement("li");
    row.className = `row ${kind}`;
    row.dataset.id = event.lastEventId;
    row.dataset.type = event.type;
    row.title = event.data;
    row.append(
      cell("when", timestamp(new Date())),
      cell("type", event.type),
      cell("id", event.lastEventId),
      cell("data", event.data),
    );
    const list = find("log");
    list.prepend(row);
    while (list.children.length > MOST_ROWS) {
      list.lastElementChild.remove();
    }
  }

  showRate() {
    const now = performance.now();
    this.arrivals = this.arrivals.filter((arrival) => now - arrival < RATE_SECONDS * 1000);
    const seconds = Math.min(RATE_SECONDS, Math.max(1, (now - this.began) / 1000));
    find("counter-rate").textContent = (this.arrivals.length / seconds).toFixed(1);
  }
}
