/*
 * One EventSource that comes back whatever happens, and says how its connection is.
 *
 * The browser reconnects by itself after a lost connection, but gives up for good after an HTTP
 * error, and hears nothing of a connection that died without a word.  In both cases a new
 * EventSource takes over, from the last event ID of the old one.
 *
 * Nothing here touches the page.
 */

const RETRY_SECONDS = 3;

// The demo publishes each second, so this much silence on an open connection means that it is dead.
const SILENCE_SECONDS = 15;

// What was missed arrives in one piece.  The first pause after it is its end.
const REPLAY_PAUSE_SECONDS = 0.08;

// For how long the status tells what happened, before it says "connected" again.
const NEWS_SECONDS = 10;

// A reset in the middle of a stream: nothing was lost and found, the reader was too slow.
const RESETS = { "fell-behind": "connected, but too slow: events were missed" };

function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

export class Stream {
  /*
   * url: with at least one topic in its query.
   * types: the event types to listen for.
   * listener: an object with these methods.
   *   event(event): a MessageEvent of one of the types.
   *   control(event): a MessageEvent that the hub sends about the stream itself.
   *   status(state, text): state is "connecting", "open", "lost" or "reset".
   *   reconnected(count): how often the connection came back since the page was loaded.
   */
  constructor(url, types, listener) {
    this.url = url;
    this.types = types;
    this.listener = listener;
    this.lastEventId = "";
    this.connections = 0;
    this.arrived = 0;
    this.timers = {};
  }

  open() {
    this.source?.close();
    const resume = this.lastEventId && `&lastEventID=${encodeURIComponent(this.lastEventId)}`;
    this.source = new EventSource(this.url + resume);
    this.source.addEventListener("open", () => this.opened());
    this.source.addEventListener("error", () => this.failed());
    this.source.addEventListener("stream-open", (event) => this.began(event));
    this.source.addEventListener("stream-reset", (event) => this.wasReset(event));
    for (const type of this.types) {
      this.source.addEventListener(type, (event) => this.received(event));
    }
    this.after("silence", SILENCE_SECONDS, () => this.replace("nothing heard, reconnecting…"));
  }

  /* Close the connection now, and come back after some seconds. */
  cut(seconds) {
    this.source.close();
    this.lost(`lost: cut for ${seconds} seconds`);
    this.after("retry", seconds, () => this.open());
  }

  replace(text) {
    this.lost(text);
    this.open();
  }

  opened() {
    this.arrived = 0;
    this.connections += 1;
    if (this.connections > 1) {
      this.listener.reconnected(this.connections - 1);
    }
    this.heard();
    this.listener.status("open", "connected");
  }

  failed() {
    this.lost(this.connections ? "lost, reconnecting…" : "no connection yet, trying again…");
    if (this.source.readyState === EventSource.CLOSED) {
      this.after("retry", RETRY_SECONDS, () => this.open());
    }
  }

  lost(text) {
    Object.values(this.timers).forEach(clearTimeout);
    this.listener.status("lost", text);
  }

  received(event) {
    this.arrived += 1;
    this.heard(event);
    if (this.timers.replay) {
      this.awaitPause();
    }
    this.listener.event(event);
  }

  began(event) {
    this.heard(event);
    this.listener.control(event);
    if (parse(event.data).resumed) {
      this.awaitPause();
    }
  }

  wasReset(event) {
    this.heard(event);
    this.listener.control(event);
    clearTimeout(this.timers.replay);
    this.timers.replay = null;
    const { reason } = parse(event.data);
    this.news("reset", RESETS[reason] ?? "back, but history was reset");
  }

  heard(event) {
    this.lastEventId = event?.lastEventId || this.lastEventId;
    this.after("silence", SILENCE_SECONDS, () => this.replace("nothing heard, reconnecting…"));
  }

  awaitPause() {
    this.after("replay", REPLAY_PAUSE_SECONDS, () => {
      this.timers.replay = null;
      const events = this.arrived === 1 ? "event" : "events";
      this.news("open", `back: ${this.arrived || "no"} missed ${events} replayed`);
    });
  }

  news(state, text) {
    this.listener.status(state, text);
    this.after("news", NEWS_SECONDS, () => this.listener.status("open", "connected"));
  }

  after(name, seconds, action) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(action, seconds * 1000);
  }
}
