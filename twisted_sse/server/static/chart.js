/*
 * Line charts in SVG: sharp at any pixel density, colored by the style sheet.
 *
 * A chart is 100 by 100 units, stretched to its element.  Strokes are not stretched
 * (vector-effect in the style sheet), and a dot is a line of length 0 with round ends.
 */

const SVG = "http://www.w3.org/2000/svg";

export function add(parent, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  parent.append(element);
  return element;
}

/* The newest values of one quantity.  An unknown value is null, and interrupts the line. */
export class Series {
  constructor(capacity) {
    this.capacity = capacity;
    this.values = [];
  }

  push(value) {
    this.values.push(value);
    if (this.values.length > this.capacity) {
      this.values.shift();
    }
  }

  clear() {
    this.values = [];
  }

  known() {
    return this.values.filter((value) => value !== null);
  }

  /* The points [x, y], in runs without unknown values; the newest is at the right edge. */
  runs(low, high) {
    const runs = [[]];
    this.values.forEach((value, index) => {
      if (value === null) {
        runs.push([]);
      } else {
        const age = this.values.length - 1 - index;
        const x = 100 - (100 * age) / (this.capacity - 1);
        runs.at(-1).push([x, 100 - (100 * (value - low)) / (high - low)]);
      }
    });
    return runs.filter((run) => run.length);
  }
}

const round = (number) => Math.round(number * 100) / 100;

function trace(run) {
  return `M${run.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}`;
}

function fill(run) {
  return `${trace(run)}L${round(run.at(-1)[0])} 100L${round(run[0][0])} 100Z`;
}

/* One series as a line, the area under it, and a dot at its newest value. */
export class Line {
  constructor(svg, series, name) {
    this.series = series;
    this.area = add(svg, "path", { class: `area ${name}-area` });
    this.line = add(svg, "path", { class: `line ${name}-line` });
    this.dot = add(svg, "path", { class: `line dot ${name}-line` });
  }

  draw(low, high) {
    const runs = this.series.runs(low, high);
    this.area.setAttribute("d", runs.map(fill).join(""));
    this.line.setAttribute("d", runs.map(trace).join(""));
    const newest = runs.at(-1)?.at(-1);
    this.dot.setAttribute("d", newest ? `M${round(newest[0])} ${round(newest[1])}h0` : "");
  }
}

/* Draw horizontal lines at these heights, in percent of the chart. */
export function grid(svg, heights) {
  for (const height of heights) {
    add(svg, "line", { class: "grid-line", x1: 0, x2: 100, y1: 100 - height, y2: 100 - height });
  }
}
