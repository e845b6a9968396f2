/*
 * One line over the last two minutes, in an SVG of 100 by 100 units.  An unknown value is null,
 * and interrupts the line.
 */

const NAMESPACE = "http://www.w3.org/2000/svg";

// The newest point is at the right edge; older ones than this are left out.
const SECONDS = 120;

function add(svg, name, attributes) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  svg.append(element);
  return element;
}

const round = (number) => Math.round(number * 100) / 100;

function trace(run) {
  return `M${run.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}`;
}

export class Chart {
  /* least: the smallest value that fills the height, so that noise stays small. */
  constructor(svg, least) {
    this.svg = svg;
    this.least = least;
    add(svg, "line", { class: "base", x1: 0, x2: 100, y1: 100, y2: 100 });
    this.area = add(svg, "path", { class: "area" });
    this.line = add(svg, "path", { class: "line" });
  }

  /* points: pairs of a time in seconds and a value, oldest first. */
  draw(points, label) {
    const newest = points.at(-1)?.[0] ?? 0;
    const known = points.map(([, value]) => value).filter((value) => value !== null);
    const top = Math.max(this.least, ...known) * 1.08;
    const runs = [[]];
    for (const [time, value] of points) {
      const x = 100 - (100 * (newest - time)) / SECONDS;
      if (value === null) {
        runs.push([]);
      } else if (x >= 0) {
        runs.at(-1).push([x, 100 - (100 * value) / top]);
      }
    }
    const lines = runs.filter((run) => run.length > 1);
    this.line.setAttribute("d", lines.map(trace).join(""));
    this.area.setAttribute(
      "d",
      lines.map((run) => `${trace(run)}L${round(run.at(-1)[0])} 100L${round(run[0][0])} 100Z`).join(""),
    );
    this.svg.setAttribute("aria-label", label);
  }
}
