/*
 * The table of connections.  The hub searches, sorts and cuts, so ten thousand are no more work
 * for the page than fifty.
 */

import { ask } from "./api.js";
import { age, count, size } from "./format.js";

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

/* Set a text only if it differs, so that a selection stays. */
function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

export class Table {
  /* close: called with a row whose button was pressed. */
  constructor(announce, close) {
    this.announce = announce;
    this.close = close;
    this.offset = 0;
    this.rows = new Map();
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
    this.fill(connections);
  }

  /* Keep the elements of rows that stay, so that the keyboard stays where it is. */
  fill(connections) {
    const body = find("rows");
    const rows = new Map();
    for (const row of connections) {
      const element = this.rows.get(row.id) ?? this.make();
      this.write(element, row);
      rows.set(row.id, element);
    }
    this.rows = rows;
    const wanted = [...rows.values()];
    if (wanted.length === 0) {
      body.replaceChildren(emptyRow());
    } else if (wanted.some((one, index) => body.children[index] !== one) || body.children.length !== wanted.length) {
      const focused = document.activeElement;
      body.replaceChildren(...wanted);
      if (body.contains(focused)) {
        focused.focus({ preventScroll: true });
      }
    }
  }

  make() {
    const element = document.createElement("tr");
    element.setAttribute("role", "row");
    for (const [name] of COLUMNS) {
      const cell = element.insertCell();
      cell.className = name;
      cell.setAttribute("role", "cell");
    }
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Close";
    button.addEventListener("click", () => this.close(element.row, button));
    const cell = element.insertCell();
    cell.className = "action";
    cell.setAttribute("role", "cell");
    cell.append(button);
    return element;
  }

  write(element, row) {
    element.row = row;
    element.dataset.id = row.id;
    COLUMNS.forEach(([, text], index) => {
      const cell = element.cells[index];
      setText(cell, text(row));
      if (cell.scrollWidth > cell.clientWidth) {
        cell.title = cell.textContent;
      }
    });
    element.cells[5].dataset.state = row.state;
    const button = element.lastElementChild.firstElementChild;
    button.setAttribute("aria-label", `Close the connection of ${row.user ?? row.address}, ${row.id}`);
  }
}

function emptyRow() {
  const element = document.createElement("tr");
  const cell = element.insertCell();
  cell.className = "empty";
  cell.colSpan = COLUMNS.length + 1;
  cell.textContent = "Nobody is connected who matches.";
  return element;
}
