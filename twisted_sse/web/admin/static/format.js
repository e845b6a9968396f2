/*
 * Numbers, times and sizes as people read them.
 */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/* A count or a rate: 12, 3.4, 12,345, 1.2 M. */
export function count(number) {
  if (number >= 1e6) {
    return `${(number / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} M`;
  }
  const digits = number < 10 && !Number.isInteger(number) ? 1 : 0;
  return number.toLocaleString("en", { maximumFractionDigits: digits });
}

export function size(bytes) {
  let unit = 0;
  let number = bytes;
  while (number >= 1024 && unit < UNITS.length - 1) {
    number /= 1024;
    unit += 1;
  }
  return `${number.toLocaleString("en", { maximumFractionDigits: number < 10 && unit ? 1 : 0 })} ${UNITS[unit]}`;
}

/* A short time: 0.4 ms, 12 ms, 1.5 s; a dash if it is not known. */
export function milliseconds(seconds) {
  if (seconds === null || seconds === undefined) {
    return "–";
  }
  if (seconds >= 1) {
    return `${seconds.toFixed(1)} s`;
  }
  const number = seconds * 1000;
  return `${number.toFixed(number < 10 ? 1 : 0)} ms`;
}

/* A long time: 12 s, 5 min, 3 h, 2 d. */
export function age(seconds) {
  if (seconds < 60) {
    return `${Math.floor(seconds)} s`;
  }
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min`;
  }
  if (seconds < 86400) {
    return `${Math.floor(seconds / 3600)} h`;
  }
  return `${Math.floor(seconds / 86400)} d`;
}
