/*
 * Reads an event stream with fetch(), because an EventSource tells only events whose types the
 * page knows before.
 *
 * Follows "Interpreting an event stream" of https://html.spec.whatwg.org/.
 */

const RETRY_SECONDS = 2;

class Parser {
  constructor() {
    this.text = "";
    this.lastEventID = "";
    this.begin();
  }

  begin() {
    this.data = [];
    this.type = "";
  }

  /* Take a piece of the stream, and return the events that are complete. */
  feed(piece) {
    const events = [];
    const lines = (this.text + piece).split("\n");
    this.text = lines.pop();
    for (const line of lines) {
      this.take(line.endsWith("\r") ? line.slice(0, -1) : line, events);
    }
    return events;
  }

  take(line, events) {
    if (line === "") {
      if (this.data.length) {
        const type = this.type || "message";
        events.push({ type, data: this.data.join("\n"), id: this.lastEventID });
      }
      this.begin();
      return;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") {
      this.data.push(value);
    } else if (name === "event") {
      this.type = value;
    } else if (name === "id") {
      this.lastEventID = value;
    }
  }
}

/*
 * Follow the stream at a path until a signal aborts it; show(event) takes every event, and
 * report(sentence) says how it goes.
 */
export async function follow(path, signal, show, report) {
  const parser = new Parser();
  while (!signal.aborted) {
    try {
      const headers = { Accept: "text/event-stream" };
      if (parser.lastEventID) {
        headers["Last-Event-ID"] = parser.lastEventID;
      }
      const response = await fetch(path, { headers, signal, cache: "no-store" });
      if (!response.ok) {
        const problem = await response.json().catch(() => ({}));
        report(problem.detail ?? `The answer is ${response.status}.`);
        if (response.status < 500) {
          return;
        }
      } else {
        report("watching");
        parser.text = "";
        parser.begin();
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let read = await reader.read(); !read.done; read = await reader.read()) {
          parser.feed(read.value).forEach(show);
        }
        report("the stream has ended; reconnecting");
      }
    } catch {
      if (signal.aborted) {
        return;
      }
      report("the hub cannot be reached; trying again");
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_SECONDS * 1000));
  }
}
