/*
 * The table of runs.  It is hidden until the hub knows one.
 */

import { ask } from "./api.js";
import { age, count, size } from "./format.js";
import { Rows } from "./rows.js";

const find = (id) => document.getElementById(id);

const PAGE = 50;

const REFRESH_SECONDS = 2;

const known = (number, write) => (number === null ? "–" : write(number));

const COLUMNS = [
  ["name", (row) => row.name],
  ["owner", (row) => row.user ?? "–"],
  ["topics-cell", (row) => row.topic],
  ["age number", (row) => age(row.seconds)],
  ["state", (row) => row.state],
  ["readers number", (row) => count(row.readers)],
  ["events number", (row) => known(row.events, count)],
  ["bytes number", (row) => known(row.bytes, size)],
  ["place", (row) => (row.state !== "running" ? "–" : row.here ? "this hub" : "another hub")],
];

export class Runs {
  constructor(announce) {
    this.announce = announce;
    this.loading = null;
    this.chosen = null;
    this.rows = new Rows(find("run-rows"), COLUMNS, {
      key: "topic",
      empty: "No run matches.",
      action: "Cancel",
      label: (row) => `Cancel the run ${row.name}`,
      act: (row) => this.askToCancel(row),
      without: (row) => row.state !== "running",
    });
    find("run-filter").addEventListener("submit", (event) => event.preventDefault());
    find("run-filter").addEventListener("input", () => this.load(true));
    find("cancelling").addEventListener("close", ({ target }) => this.decide(target));
    setInterval(() => document.hidden || this.loading || this.load(), REFRESH_SECONDS * 1000);
    this.load();
  }

  async load(asked = false) {
    this.loading?.abort();
    const loading = (this.loading = new AbortController());
    const wanted = { q: find("run-text").value.trim(), state: find("run-state").value };
    const query = new URLSearchParams({ ...wanted, limit: PAGE });
    try {
      const found = await ask(`runs?${query}`, { signal: loading.signal });
      this.show(found, Boolean(wanted.q || wanted.state));
      if (asked) {
        this.announce(`${count(found.runs.length)} runs`);
      }
    } catch (error) {
      if (error.name !== "AbortError" && asked) {
        this.announce(error.message);
      }
    } finally {
      if (this.loading === loading) {
        this.loading = null;
      }
    }
  }

  show({ runs, active, before }, filtered) {
    const panel = find("runs");
    panel.hidden = panel.hidden && !filtered && runs.length === 0;
    const more = before === null ? "" : "; search to see the others";
    const shown = runs.length === 1 ? "1 run" : `${count(runs.length)} runs`;
    find("run-count").textContent = `${shown}; ${count(active)} running in this hub${more}`;
    this.rows.show(runs);
  }

  askToCancel(row) {
    this.chosen = row;
    find("cancelling-which").textContent = `${row.name}, ${age(row.seconds)} old, ${row.readers} readers`;
    find("cancelling").showModal();
  }

  async decide(dialog) {
    if (dialog.returnValue !== "cancel-run") {
      return;
    }
    dialog.returnValue = "";
    const { topic, name } = this.chosen;
    try {
      await ask(`runs/${encodeURIComponent(topic)}`, { method: "DELETE" });
      this.announce(`The run ${name} is cancelled.`);
    } catch (error) {
      this.announce(error.message);
    }
    this.load();
    find("runs-title").focus({ preventScroll: true });
  }
}
