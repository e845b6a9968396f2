/*
 * The rows of a table that is shown again and again.  The element of a row that stays is kept, so
 * that the keyboard stays where it is, and a selection too.
 */

/* Set a text only if it differs, so that a selection stays. */
function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

export class Rows {
  /*
   * columns: pairs of the class of a cell, and a function that returns its text; the class "state"
   * is colored by its text.  key: what tells rows apart.  empty: said if there are none.
   * action: the name of the button in each row; label(row): what it is called aloud; act(row): what
   * it does; without(row): whether a row has none.
   */
  constructor(body, columns, { key, empty, action, label, act, without = () => false }) {
    this.body = body;
    this.columns = columns;
    this.options = { key, empty, action, label, act, without };
    this.rows = new Map();
  }

  show(found) {
    const { key } = this.options;
    const rows = new Map();
    for (const row of found) {
      const element = this.rows.get(row[key]) ?? this.make();
      this.write(element, row);
      rows.set(row[key], element);
    }
    this.rows = rows;
    const wanted = [...rows.values()];
    const { body } = this;
    if (wanted.length === 0) {
      body.replaceChildren(this.nothing());
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
    for (const [name] of this.columns) {
      const cell = element.insertCell();
      cell.className = name;
      cell.setAttribute("role", "cell");
    }
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = this.options.action;
    button.addEventListener("click", () => this.options.act(element.row));
    const cell = element.insertCell();
    cell.className = "action";
    cell.setAttribute("role", "cell");
    cell.append(button);
    return element;
  }

  write(element, row) {
    const { key, label, without } = this.options;
    element.row = row;
    element.dataset.id = row[key];
    this.columns.forEach(([name, text], index) => {
      const cell = element.cells[index];
      setText(cell, text(row));
      if (name === "state") {
        cell.dataset.state = text(row);
      }
      if (cell.scrollWidth > cell.clientWidth) {
        cell.title = cell.textContent;
      }
    });
    const button = element.lastElementChild.firstElementChild;
    button.hidden = without(row);
    button.setAttribute("aria-label", label(row));
  }

  nothing() {
    const element = document.createElement("tr");
    const cell = element.insertCell();
    cell.className = "empty";
    cell.colSpan = this.columns.length + 1;
    cell.textContent = this.options.empty;
    return element;
  }
}
