/*
 * The table of connections.  The hub searches, sorts and cuts, so ten thousand are no more work
 * for the page than fifty.
 */

import { ask } from "./api.js";
import { age, count, size } from "./format.js";
import { Rows } from "./rows.js";

const find = (id) => document.getElementById(id);

const PAGE = 50;

// How many rows the hub leaves out at most before those that it sends.
const LARGEST_OFFSET = 2000;

const REFRESH_SECONDS = 2;

const COLUMNS = [
  ["user", (row) => row.user ?? "–"],
  ["address", (row) => row.address],
  ["topics-cell", (row) => topicsOf(row)],
  ["protocol", (row) => row.protocol],
  ["age number", (row) => age(row.seconds)],
  ["state", (row) => row.state],
  ["lag number", (row) => count(row.lag)],
  ["events number", (row) => count(row.events)],
  ["bytes number", (row) => size(row.bytes)],
  ["position", (row) => row.position],
];

function topicsOf({ topics, topic_count: all }) {
  const more = all > topics.length ? ` and ${all - topics.length} more` : "";
  return topics.join(", ") + more;
}

export class Table {
  /* close: called with a row whose button was pressed. */
  constructor(announce, close) {
    this.announce = announce;
    this.offset = 0;
    this.rows = new Rows(find("rows"), COLUMNS, {
      key: "id",
      empty: "Nobody is connected who matches.",
      action: "Close",
      label: (row) => `Close the connection of ${row.user ?? row.address}, ${row.id}`,
      act: close,
    });
    this.loading = null;
    find("filter").addEventListener("submit", (event) => event.preventDefault());
    find("filter").addEventListener("input", () => this.begin());
    find("table").tHead.addEventListener("click", ({ target }) => this.sortBy(target.dataset.sort));
    find("page-previous").addEventListener("click", () => this.turn(-PAGE));
    find("page-next").addEventListener("click", () => this.turn(PAGE));
    setInterval(() => document.hidden || this.loading || this.load(), REFRESH_SECONDS * 1000);
    this.begin();
  }

  get sort() {
    return find("filter-sort").value;
  }

  sortBy(column) {
    if (column === undefined) {
      return;
    }
    const select = find("filter-sort");
    const wanted = this.sort === column ? `-${column}` : column;
    if (![...select.options].some(({ value }) => value === wanted)) {
      select.add(new Option(`by ${column}${wanted.startsWith("-") ? ", reversed" : ""}`, wanted));
    }
    select.value = wanted;
    this.begin();
  }

  /* Show the first page of what is asked for now. */
  begin() {
    this.offset = 0;
    this.load(true);
  }

  turn(by) {
    this.offset = Math.max(0, this.offset + by);
    this.load(true);
  }

  async load(asked = false) {
    this.loading?.abort();
    const loading = (this.loading = new AbortController());
    const query = new URLSearchParams({
      q: find("filter-text").value.trim(),
      state: find("filter-state").value,
      sort: this.sort,
      offset: this.offset,
      limit: PAGE,
    });
    try {
      const found = await ask(`connections?${query}`, { signal: loading.signal });
      this.show(found);
      if (asked) {
        this.announce(`${count(found.total)} connections`);
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

  show({ total, connections }) {
    const last = this.offset + connections.length;
    find("table-count").textContent = connections.length
      ? `${count(this.offset + 1)} to ${count(last)} of ${count(total)}` +
        (total > LARGEST_OFFSET + PAGE ? "; search to see the others" : "")
      : "No connection matches.";
    find("page-previous").disabled = this.offset === 0;
    find("page-next").disabled = last >= total || this.offset + PAGE > LARGEST_OFFSET;
    for (const header of find("table").tHead.rows[0].cells) {
      const column = header.querySelector("button")?.dataset.sort;
      const sorted = this.sort.replace("-", "") === column;
      // The newest connection is the one with the smallest age.
      const ascending = this.sort.startsWith("-") === (column === "since");
      if (sorted) {
        header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      } else {
        header.removeAttribute("aria-sort");
      }
    }
    this.rows.show(connections);
  }
}
