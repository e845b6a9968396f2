/*
 * The demo page: one event stream, four topics, and a panel for each.
 */

import { EventLog } from "./log.js";
import { ClockPanel, MachinePanel, NotesPanel, PricePanel } from "./panels.js";
import { preparePublishing } from "./publish.js";
import { Stream } from "./stream.js";

// One connection for all topics: over HTTP/1.1 a browser opens at most six to one host.
const TOPICS = ["demo/clock", "demo/load", "demo/price", "demo/notes"];

const CUT_SECONDS = 5;

const find = (id) => document.getElementById(id);

// A note that another program published may be plain text.
function decode(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const panels = {
  clock: new ClockPanel(),
  load: new MachinePanel(),
  price: new PricePanel(),
  note: new NotesPanel(),
};
const log = new EventLog();

const listener = {
  event(event, replayed) {
    log.event(event, replayed);
    panels[event.type].show(decode(event.data), replayed);
  },
  control(event) {
    log.control(event);
    if (event.type === "stream-reset") {
      // Everything that is kept follows.
      Object.values(panels).forEach((panel) => panel.clear());
    }
  },
  status(state, text) {
    const status = find("status");
    status.dataset.state = state;
    status.textContent = text;
    find("cut").disabled = state === "lost" || state === "connecting";
  },
  reconnected(count) {
    find("counter-reconnections").textContent = count;
  },
};

const query = TOPICS.map((topic) => `topic=${topic}`).join("&");
const stream = new Stream(`/events?${query}`, Object.keys(panels), listener);

find("curl").firstElementChild.textContent = `curl -N "${location.origin}/events?topic=demo/clock"`;
find("cut").addEventListener("click", () => stream.cut(CUT_SECONDS));
preparePublishing();
stream.open();

// A browser may keep a page that is left, to show it again at once.  Its stream would stay open,
// and a browser opens six connections to a server that speaks HTTP/1.1.
addEventListener("pagehide", () => stream.close());
addEventListener("pageshow", ({ persisted }) => persisted && stream.open());
