/*
 * The six charts, and the stream of numbers that they draw.
 *
 * The hub sends the points of the last two minutes first, and then one each second.
 */

import { Chart } from "./chart.js";
import { count, milliseconds, size } from "./format.js";

const find = (id) => document.getElementById(id);

const MOST_POINTS = 120;

// Browsers reconnect by themselves, but give up after an HTTP error.
const RETRY_SECONDS = 2;

const CHARTS = [
  {
    name: "connections",
    least: 10,
    value: (point) => point.connections,
    show: count,
    note: (point) => `+${count(point.opened)} −${count(point.closed)} per second`,
  },
  {
    name: "published",
    least: 10,
    value: (point) => point.published,
    show: count,
    note: (point) => (point.not_kept ? `${count(point.not_kept)} not kept` : `${count(point.total_published)} in all`),
  },
  {
    name: "delivered",
    least: 10,
    value: (point) => point.delivered,
    show: count,
    note: (point) => `${size(point.bytes)} per second`,
  },
  {
    name: "latency",
    least: 0.005,
    value: (point) => point.latency_p99,
    show: milliseconds,
    note: (point) => `half within ${milliseconds(point.latency_p50)}`,
  },
  {
    name: "lag",
    least: 10,
    value: (point) => point.largest_lag,
    show: count,
    note: (point) => `${count(point.lagging)} of ${count(point.connections)} behind`,
  },
  {
    name: "stall",
    least: 0.05,
    value: (point) => point.stall_p99,
    show: milliseconds,
    note: (point) =>
      `${Math.round(point.cpu * 100)} % CPU${point.memory ? `, ${size(point.memory)}` : ""}`,
  },
];

export class Numbers {
  /* report: called with "open" or "lost". */
  constructor(report) {
    this.report = report;
    this.points = [];
    this.charts = CHARTS.map((one) => ({ ...one, chart: new Chart(find(`${one.name}-chart`), one.least) }));
    this.open();
  }

  open() {
    const source = (this.source = new EventSource("stats"));
    source.addEventListener("points", ({ data }) => {
      this.points = JSON.parse(data);
      this.report("open");
      this.draw();
    });
    source.addEventListener("point", ({ data }) => {
      this.points.push(JSON.parse(data));
      this.points.splice(0, this.points.length - MOST_POINTS);
      this.draw();
    });
    source.addEventListener("error", () => {
      this.report("lost");
      if (source.readyState === EventSource.CLOSED) {
        this.retrying = setTimeout(() => this.open(), RETRY_SECONDS * 1000);
      }
    });
  }

  close() {
    clearTimeout(this.retrying);
    this.source.close();
  }

  draw() {
    const newest = this.points.at(-1);
    if (newest === undefined) {
      return;
    }
    for (const { name, value, show, note, chart } of this.charts) {
      const shown = show(value(newest));
      find(`${name}-now`).textContent = shown;
      find(`${name}-note`).textContent = note(newest);
      const series = this.points.map((point) => [point.time, value(point)]);
      const known = series.map(([, one]) => one).filter((one) => one !== null);
      const most = known.length ? show(Math.max(...known)) : "unknown";
      chart.draw(series, `Now ${shown}, at most ${most} in the last two minutes`);
    }
  }
}
