/*
 * An EventSource that always reconnects, and reports the state of its connection.
 *
 * Browsers reconnect after a lost connection, but give up after an HTTP error, and do not notice a
 * connection that died silently.  In both cases a new EventSource continues from the last event ID
 * of the old one.  The first stream of a page begins with everything that is kept.
 *
 * Nothing here touches the page.
 */

const RETRY_SECONDS = 3;

// The demo publishes every second, so after this much silence the connection is dead.
const SILENCE_SECONDS = 15;

// Missed events arrive together.  The first pause after them ends the replay.
const REPLAY_PAUSE_SECONDS = 0.08;

// How long the status shows what happened, before it shows "connected" again.
const NEWS_SECONDS = 10;

// By the reason of a reset.  This one comes in the middle of a stream that was read too slowly.
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
   * url: has at least one topic in its query.
   * types: the event types to listen for.
   * listener: an object with these methods.
   *   event(event, replayed): a MessageEvent of one of the types, and whether it is an old one.
   *   control(event): a MessageEvent of a control event.
   *   status(state, text): state is "connecting", "open", "lost" or "reset".
   *   reconnected(count): how often the stream has reconnected since the page was loaded.
   */
  constructor(url, types, listener) {
    this.url = url;
    this.types = types;
    this.listener = listener;
    // A page that is loaded is sent everything that is kept.
    this.lastEventId = "earliest";
    this.connections = 0;
    this.arrived = 0;
    this.timers = {};
  }

  open() {
    this.source?.close();
    this.source = new EventSource(
      `${this.url}&last_event_id=${encodeURIComponent(this.lastEventId)}`,
    );
    this.source.addEventListener("open", () => this.opened());
    this.source.addEventListener("error", () => this.failed());
    this.source.addEventListener("stream-open", (event) => this.began(event));
    this.source.addEventListener("stream-reset", (event) => this.wasReset(event));
    for (const type of this.types) {
      this.source.addEventListener(type, (event) => this.received(event));
    }
    this.after("silence", SILENCE_SECONDS, () => this.replace("no data, reconnecting…"));
  }

  /* Close the connection now, and reconnect after some seconds. */
  cut(seconds) {
    this.source.close();
    this.lost(`lost: cut for ${seconds} seconds`);
    this.after("retry", seconds, () => this.open());
  }

  /* Close the connection until open() is called. */
  close() {
    this.source.close();
    this.lost("paused");
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
    this.lost(this.connections ? "lost, reconnecting…" : "cannot connect, trying again…");
    if (this.source.readyState === EventSource.CLOSED) {
      this.after("retry", RETRY_SECONDS, () => this.open());
    }
  }

  lost(text) {
    Object.values(this.timers).forEach(clearTimeout);
    this.timers = {};
    this.listener.status("lost", text);
  }

  received(event) {
    this.arrived += 1;
    this.heard(event);
    const replayed = Boolean(this.timers.replay);
    if (replayed) {
      this.awaitPause();
    }
    this.listener.event(event, replayed);
  }

  began(event) {
    this.heard(event);
    this.listener.control(event);
    this.resumed = parse(event.data).resumed;
    this.awaitPause();
  }

  wasReset(event) {
    this.heard(event);
    this.listener.control(event);
    // Everything that is kept follows.
    this.resumed = false;
    this.awaitPause();
    const { reason } = parse(event.data);
    this.news("reset", RESETS[reason] ?? "back, but history was reset");
  }

  heard(event) {
    this.lastEventId = event?.lastEventId || this.lastEventId;
    this.after("silence", SILENCE_SECONDS, () => this.replace("no data, reconnecting…"));
  }

  awaitPause() {
    this.after("replay", REPLAY_PAUSE_SECONDS, () => {
      this.timers.replay = null;
      if (!this.resumed) {
        return;
      }
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
