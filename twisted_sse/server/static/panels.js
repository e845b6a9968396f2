/*
 * The panels of the page, one for each demo topic.  twisted_sse/server/demo.py describes the data.
 *
 * Each panel is an object with show(data, replayed) and clear().
 */

import { add, grid, Line, Series } from "./chart.js";

const find = (id) => document.getElementById(id);

const MINUTE_OF_PRICES = 86;
const TWO_MINUTES_OF_LOADS = 61;
const SCALES = [10, 20, 50, 100, 200, 500, 1000];
const GIB = 2 ** 30;

export class ClockPanel {
  constructor() {
    this.first = null;
    for (let minute = 0; minute < 60; minute += 1) {
      const isHour = minute % 5 === 0;
      add(find("dial-ticks"), "line", {
        class: isHour ? "tick tick-hour" : "tick",
        y1: -88,
        y2: isHour ? -79 : -84,
        transform: `rotate(${minute * 6})`,
      });
    }
  }

  /* Only the present time is of interest. */
  show({ time }, replayed) {
    if (replayed) {
      return;
    }
    const date = new Date(time * 1000);
    const face = find("clock");
    face.dateTime = date.toISOString();
    face.textContent = date.toLocaleTimeString("en-GB");
    find("clock-date").textContent = date.toLocaleDateString("en", {
      weekday: "long",
      day: "numeric",
      month: "long",
    });
    this.turn(date);
  }

  clear() {}

  turn(date) {
    const minutes = date.getMinutes() + date.getSeconds() / 60;
    find("dial-hour").style.transform = `rotate(${(date.getHours() % 12) * 30 + minutes / 2}deg)`;
    find("dial-minute").style.transform = `rotate(${minutes * 6}deg)`;
    // Never turn backward: from 59 to 0 the hand would go around through 58.
    this.first ??= Math.floor(date / 1000) - date.getSeconds();
    const seconds = Math.floor(date / 1000) - this.first;
    find("dial-second").style.transform = `rotate(${seconds * 6}deg)`;
  }
}

const ARROWS = { up: "▲", down: "▼", flat: "=" };

const direction = (change) => (change > 0 ? "up" : change < 0 ? "down" : "flat");

const signed = (number) => (number < 0 ? "−" : "+") + Math.abs(number).toFixed(2);

export class PricePanel {
  constructor() {
    this.svg = find("price-line");
    this.series = new Series(MINUTE_OF_PRICES);
    this.line = new Line(this.svg, this.series, "price");
  }

  show({ price, change }) {
    this.series.push(price);
    find("price").textContent = price.toFixed(2);
    const label = find("price-change");
    label.textContent = `${ARROWS[direction(change)]} ${signed(change)}`;
    label.dataset.direction = direction(change);
    this.svg.dataset.direction = direction(price - this.series.values[0]);
    this.draw();
  }

  clear() {
    this.series.clear();
  }

  draw() {
    const low = Math.min(...this.series.values);
    const high = Math.max(...this.series.values);
    // The chart spans at least half a unit, or the first steps would look huge.
    const space = Math.max(0.5 - (high - low), (high - low) * 0.16) / 2;
    this.line.draw(low - space, high + space);
  }
}

const gib = (bytes) => `${(bytes / GIB).toFixed(1)} GiB`;

const percent = (share) => (share === null ? "" : ` · ${Math.round(share)} %`);

export class MachinePanel {
  constructor() {
    const svg = find("machine-chart");
    grid(svg, [0, 50, 100]);
    this.load = new Series(TWO_MINUTES_OF_LOADS);
    this.memory = new Series(TWO_MINUTES_OF_LOADS);
    this.lines = [new Line(svg, this.load, "load"), new Line(svg, this.memory, "memory")];
  }

  show({ load, cpus, memory }) {
    const busy = load && (100 * load[0]) / cpus;
    const used = memory && (100 * memory.used) / memory.total;
    this.load.push(busy);
    this.memory.push(used);
    find("load").textContent = load ? load[0].toFixed(2) : "not known";
    find("load-of").textContent = `of ${cpus} processors${percent(busy)}`;
    find("memory").textContent = memory ? gib(memory.used) : "not known";
    find("memory-of").textContent = memory ? `of ${gib(memory.total)}${percent(used)}` : "";
    this.draw();
  }

  clear() {
    this.load.clear();
    this.memory.clear();
  }

  draw() {
    const most = Math.max(...this.load.known(), ...this.memory.known());
    // May be above 100: more processes can be runnable than there are processors.
    const top = SCALES.find((scale) => most < scale * 0.95) ?? Math.ceil(most);
    find("axis-top").textContent = `${top} %`;
    find("axis-middle").textContent = `${top / 2} %`;
    this.lines.forEach((line) => line.draw(0, top));
  }
}

const MOST_NOTES = 3;

function wording(data) {
  const text = data?.text ?? data;
  return typeof text === "string" ? text : JSON.stringify(text);
}

/* When a note was published, or for one that does not say so, when it arrived. */
function moment(data, replayed) {
  if (typeof data?.time === "number") {
    return new Date(data.time * 1000);
  }
  return replayed ? null : new Date();
}

export class NotesPanel {
  show(data, replayed) {
    const list = find("notes");
    list.querySelector(".empty")?.remove();
    const time = document.createElement("time");
    time.textContent = moment(data, replayed)?.toLocaleTimeString("en-GB") ?? "earlier";
    const item = document.createElement("li");
    item.append(time, " ", wording(data));
    list.prepend(item);
    while (list.children.length > MOST_NOTES) {
      list.lastElementChild.remove();
    }
  }

  clear() {
    find("notes").replaceChildren();
  }
}
