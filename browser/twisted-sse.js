// One event stream for all tabs of an origin: a drop-in for EventSource that never gives up
// where coming back can help.
//
// The tab that holds a Web Lock, the leader, has the connection, and sends what it receives to
// the others over a BroadcastChannel.  Every tab knows the position (the last event ID) and the
// number of the last event that it has had, so whoever leads next goes on from there, and a tab
// that has missed something asks for it.
//
// Tabs with different topics number the events of all of them, and show their own: the option
// `part`, which twisted-sse-topics.js gives, does what is particular to them.
//
// Law: an event counts if the next leader would get it again.  Events about one connection do
// not count, or the tabs would number events differently.
//
// tools/build_browser_module.py makes the file that is served: it removes indentation and lines
// that are comments, so there are no other comments here, and no strings of several lines.

const CONNECTING = 0, OPEN = 1, CLOSED = 2;

// About one connection; see the law.
const UNCOUNTED = /^stream-(open|topics|heartbeat|error)$/;

// How many events a tab keeps for tabs that have missed them, and how many characters of data.
const KEPT = 1000, KEPT_SIZE = 1e6;

// Milliseconds: how long a hub may be silent that has not told its interval, how long it takes to
// ask for the leader's life, and the longest wait between two attempts.
const SILENCE = 45000, DOUBT = 5000, MOST_WAIT = 60000;

const now = () => Date.now();

const counts = ([type]) => !UNCOUNTED.test(type);

// Yields [events, retry, id] for every piece of the body that has arrived.  An event is
// [type, data, id]; the last id is the position after all of them.
async function* parse(body, id) {
  const reader = body.getReader(), decoder = new TextDecoder();
  let rest = "", cr = "", data = [], type = "", next = id;
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (done) return;
      // A CR at the end may be the first half of a line end.
      const lines = (cr + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      const events = [];
      let retry, last = lines.pop();
      cr = last.endsWith("\r") ? "\r" : "";
      if (cr) last = last.slice(0, -1);
      if (lines.length) {
        lines[0] = rest + lines[0];
        rest = "";
      }
      rest += last;
      for (const line of lines) {
        const [, name, field] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (!line) {
          id = next;
          if (data.length) events.push([type || "message", data.join("\n"), id]);
          data = [];
          type = "";
        } else if (name == "data") data.push(field);
        else if (name == "event") type = field;
        else if (name == "id" && !field.includes("\0")) next = field;
        else if (name == "retry" && /^\d+$/.test(field)) retry = +field;
      }
      yield [events, retry, id];
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

export class SharedEventSource extends EventTarget {
  onopen = null;
  onmessage = null;
  onerror = null;
  readyState = CONNECTING;
  leading = false;
  stale = false;
  // The name by which the topics of the stream are changed, and how much has come of the backlog of
  // added topics: see twisted-sse-topics.js.
  connection;
  backlogId;

  #options;
  #group;
  #me;
  #closing = new AbortController();
  #life;
  #channel;
  #timer;
  // How many events this tab has had, whether it knows that number, and the last of them.
  #count = 0;
  #known = false;
  #kept = [];
  #size = 0;
  // When this tab last heard of its leader, and when its leader last heard of the hub.
  #heard = 0;
  #news = 0;
  #silence;
  #retry = 3000;
  #due = 0;
  #wake = () => {};
  #stop = () => {};
  #found;
  // What has come while this tab reads from the hub what it has missed.
  #late;
  #backlog;
  #native;
  #types = new Set();
  #part;

  constructor(url, options = {}) {
    super();
    const { withCredentials = false, lastEventId = "", mode, silence, part } = options;
    this.url = new URL(url, location).href;
    this.withCredentials = withCredentials;
    this.lastEventId = lastEventId;
    this.#options = options;
    this.#group = `sse ${options.group} ${withCredentials} ${this.url}`;
    this.#part = part;
    part?.tie(this, this.#group, {
      say: (message) => this.#say(message),
      show: (event) => this.#deliver(event, true),
      place: (n, state) => this.#place(n, state),
      again: () => this.#again(),
      stop: () => this.#stop(),
    });
    const shareable = navigator.locks && self.BroadcastChannel;
    const streams = self.ReadableStream && self.TextDecoder;
    const best = !streams ? "native" : shareable ? "shared" : "fetch";
    this.mode = mode == "shared" ? best : mode || best;
    // The native EventSource shows no keepalives unless they are events.
    const blind = this.mode == "native" && !/heartbeat=event/.test(url);
    this.#silence = silence || (blind ? Infinity : SILENCE);
    const { signal } = this.#closing;
    const on = (target, type, act) => target.addEventListener(type, act, { signal });
    on(self, "pagehide", () => this.#leave());
    on(self, "pageshow", (event) => event.persisted && this.#join());
    on(document, "freeze", () => this.#leave());
    on(document, "resume", () => this.#join());
    on(self, "online", () => this.#tick(true));
    on(document, "visibilitychange", () => this.#tick());
    // As listeners, so that an error in one of them goes to the console and nowhere else.
    for (const type of ["open", "message", "error"]) {
      this.addEventListener(type, (event) => this["on" + type]?.(event));
    }
    for (const type of ["open", "reset", "heartbeat"]) this.#hearNative("stream-" + type);
    this.#join();
  }

  close() {
    if (this.readyState == CLOSED) return;
    this.readyState = CLOSED;
    this.stale = true;
    this.#closing.abort();
    this.#leave();
  }

  addEventListener(type, ...rest) {
    super.addEventListener(type, ...rest);
    this.#hearNative(type);
  }

  #state(state, stale = state != OPEN) {
    const before = this.readyState;
    if (before == CLOSED || (state == before && stale == this.stale)) return;
    this.readyState = state;
    this.stale = stale;
    if (state != before) this.dispatchEvent(new Event(state == OPEN ? "open" : "error"));
    this.dispatchEvent(new Event("statechange"));
  }

  async #join() {
    if (this.readyState == CLOSED || this.#life) return;
    const life = (this.#life = new AbortController());
    this.#timer = setInterval(() => this.#tick(), 1000);
    this.#news = this.#heard = now();
    this.#me = Math.random();
    if (!this.lastEventId) await this.#load();
    await this.#part?.join(life.signal);
    if (life.signal.aborted) return;
    if (this.mode != "shared") return this.#lead(life);
    this.#channel = new BroadcastChannel(this.#group);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#queue(life);
    this.#hi();
  }

  #leave() {
    clearInterval(this.#timer);
    this.#life?.abort();
    this.#channel?.close();
    this.#life = this.#channel = this.#late = this.connection = undefined;
    this.#known &&= !this.#part;
    this.leading = false;
    this.#state(CONNECTING);
  }

  #queue(life, options = { signal: life.signal }) {
    navigator.locks.request(this.#group, options, () => this.#lead(life)).catch(() => {
      // Another tab has taken the lock, because this one did not answer: stand in line again.
      if (this.#life == life) this.#again();
    });
  }

  #again() {
    this.#leave();
    this.#join();
  }

  #say(message) {
    this.#channel?.postMessage({
      from: this.#me,
      at: this.#news,
      silence: this.#silence,
      n: this.#count,
      id: this.lastEventId,
      known: this.#known,
      ...this.#part?.tell(message.t),
      ...message,
    });
  }

  #hi(lead) {
    this.#say({ t: "hi", lead });
  }

  #pause(ms) {
    this.#due = now() + ms;
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  // Once a second, and when something has happened: timers of hidden tabs sleep.
  #tick(again) {
    const life = this.#life, silent = now() - this.#news;
    if (!life) return;
    this.#state(this.readyState, this.readyState != OPEN || silent > this.#silence * 0.6);
    if (this.leading) {
      if (again || silent > this.#silence) this.#stop();
      if (again || now() >= this.#due) this.#wake();
      return this.#part?.next();
    }
    if (!this.#channel) return;
    if (this.stale) this.#say({ t: this.#part && !this.#late && !this.#known ? "hi" : "tick" });
    const asked = now(), { doubt = DOUBT } = this.#options;
    if (asked - this.#heard < doubt) return;
    this.#hi();
    setTimeout(() => {
      // Unless this tab has slept itself.
      if (this.#life == life && !this.leading && this.#heard < asked && now() - asked < 4000) {
        this.#heard = now();
        this.#queue(life, { steal: true });
      }
    }, 1000 + Math.random() * 1000);
  }

  #hear(m) {
    if (m.to && m.to != this.#me) return;
    if (m.t == "tick") {
      if (this.leading) this.#tick();
    } else if (m.t == "hi") {
      if (this.leading) this.#answer(m);
      else if (m.lead && this.#known) this.#say({ t: "at", to: m.from });
    } else if (m.t == "at") this.#found?.(m);
    else if (!this.leading) {
      this.#heard = now();
      this.#news = m.at;
      if (m.silence) this.#silence = m.silence;
      if (this.#part?.ignores(m, this.#late, this.#known && this.#count)) return;
      if (m.t == "end") return this.#refuse(m);
      if (m.t == "far") return this.#catchUp(m);
      if (m.to && !this.#known) {
        this.#known = true;
        this.#count = m.n;
      }
      // Nobody was leading when this tab came.
      if (!m.to && !this.#known && !this.#late) this.#hi();
      this.#take(m);
      if (m.state !== undefined) this.#state(m.state);
    }
  }

  // Tells a tab what it has missed, or that it has to read that from the hub.
  #answer(m) {
    if (this.#part?.ask(m, this.#known)) return this.#tick();
    let { n, known, id, from } = m;
    const kept = this.#kept, first = this.#count - kept.length;
    if (!known) {
      const index = kept.findIndex((event) => event[2] == id) + 1;
      n = !id || id == this.lastEventId ? this.#count : index ? first + index : -1;
    }
    // A tab may be ahead of a new leader.
    if (n > this.#count) n = this.#count;
    const far = n < first;
    this.#tick();
    this.#say({
      t: far ? "far" : "ev",
      to: from,
      n: far ? this.#count : n,
      list: far ? [] : kept.slice(n - first),
      state: this.readyState,
    });
  }

  #take(m) {
    if (this.#late) this.#late.push(m);
    if (!this.#known || !m.list || this.#late) return;
    let { n } = m;
    if (n > this.#count) return this.#hi();
    for (const event of m.list) {
      if (n >= this.#count && this.#deliver(event)) {
        this.#known = false;
        this.#late = [];
        this.#load().then(() => {
          this.#late = undefined;
          this.#hi();
        });
        return;
      }
      if (counts(event)) n += 1;
    }
    if (n == this.#count) this.lastEventId = m.id;
  }

  // Says how many events this tab has had, or nothing if that is not known.
  #place(n, state = CONNECTING) {
    this.#known = n !== undefined;
    this.#count = n || 0;
    this.#kept.length = this.#size = 0;
    this.#state(state);
  }

  // Returns whether the page has to load its state again.
  #deliver(event, late) {
    const [type, data, id] = event;
    if (!late && counts(event)) {
      this.#count += 1;
      const kept = this.#kept;
      kept.push(event);
      this.#size += data.length;
      while (kept.length > KEPT || this.#size > KEPT_SIZE) this.#size -= kept.shift()[1].length;
    }
    if (this.#backlog) this.backlogId = id;
    else this.lastEventId = id;
    const { origin } = new URL(this.url);
    const shown = new MessageEvent(type, { data, lastEventId: id, origin });
    (this.#part || this).dispatchEvent(shown);
    return type == "stream-reset" && this.#options.load;
  }

  async #load() {
    const { load } = this.#options, life = this.#life;
    while (load && !life.signal.aborted) {
      try {
        this.lastEventId = (await load()) || "";
        this.#me = Math.random();
        return;
      } catch {
        await this.#pause(this.#retry);
      }
    }
  }

  // What other tabs no longer have is read from the hub, up to what they have next.
  async #catchUp({ n, id, state }) {
    if (this.#late || !this.#life) return;
    const late = (this.#late = []), { signal } = this.#life;
    let reload, met = this.lastEventId == id;
    while (!met && !signal.aborted) {
      const attempt = new AbortController(), stop = () => attempt.abort();
      signal.addEventListener("abort", stop);
      try {
        const response = await this.#ask(attempt.signal);
        if (!response.ok && response.status < 500) break;
        for await (const [events] of parse(response.body, this.lastEventId)) {
          const numbers = new Map([[id, n]]);
          for (const { n: number, list = [] } of late) {
            list.filter(counts).forEach((event, index) => numbers.set(event[2], number + index + 1));
          }
          for (const event of events.filter(counts)) {
            reload = this.#deliver(event);
            n = numbers.get(event[2]) ?? n;
            met = reload || numbers.has(event[2]);
            if (met) break;
          }
          if (met) break;
        }
      } catch {}
      stop();
      if (!met) await this.#pause(this.#retry);
    }
    if (signal.aborted) return;
    this.#count = n;
    this.#kept.length = this.#size = 0;
    this.#known = !reload;
    if (state !== undefined) this.#state(state);
    if (reload) await this.#load();
    this.#late = undefined;
    for (const m of late) this.#take(m);
    this.#hi();
  }

  #refuse({ status, detail }) {
    if (this.readyState == CLOSED) return;
    this.close();
    this.dispatchEvent(Object.assign(new Event("error"), { status, detail }));
    this.dispatchEvent(new Event("statechange"));
  }

  async #ask(signal) {
    const { headers, method, body } = this.#options;
    return fetch(this.#target(), {
      method,
      body,
      signal,
      headers: {
        Accept: "text/event-stream",
        ...(typeof headers == "function" ? await headers() : headers),
      },
      credentials: this.withCredentials ? "include" : "same-origin",
      cache: "no-store",
    });
  }

  #target() {
    const url = new URL(this.url);
    this.#part?.address(url);
    // Not a header, for which browsers ask other origins first.
    if (this.lastEventId) url.searchParams.set("last_event_id", this.lastEventId);
    return url;
  }

  async #lead(life) {
    const { signal } = life;
    if (signal.aborted) return;
    this.leading = true;
    if (this.#channel && !this.#known) {
      // Does anybody know where the stream stands?
      const found = await new Promise((done) => {
        this.#found = done;
        this.#hi(true);
        setTimeout(done, 100);
      });
      if (found && this.#part) {
        // That tab can go on.
        this.leading = false;
        return this.#queue(life);
      }
      if (found && !this.lastEventId) this.lastEventId = found.id;
      if (found && this.lastEventId != found.id) await this.#catchUp(found);
      else if (found) this.#count = found.n;
    }
    if (!this.#known) this.#part?.begin();
    this.#known = true;
    this.#relay({ state: CONNECTING });
    let losses = 0;
    while (!signal.aborted) {
      const attempt = new AbortController();
      let wait = 0, end, quick;
      // Without waiting afterward: the network is back, or the machine has slept.
      this.#stop = () => {
        quick = true;
        attempt.abort();
      };
      signal.addEventListener("abort", this.#stop);
      this.#news = now();
      try {
        if (this.mode == "native") {
          if (await this.#listen(attempt.signal)) losses = 0;
        } else {
          const response = await this.#ask(attempt.signal);
          const { status, headers } = response;
          if (status == 200 && /^text\/event-stream *(;|$)/i.test(headers.get("content-type"))) {
            this.#relay({ state: OPEN });
            for await (const [events, retry, id] of parse(response.body, this.lastEventId)) {
              if (signal.aborted) return;
              this.#news = now();
              if (retry !== undefined) this.#retry = retry;
              if (events.length) losses = 0;
              if (this.#receive(events, id)) {
                await this.#load();
                this.#part?.begin();
                quick = true;
                break;
              }
            }
          } else if (/^(5..|408|425|429)$/.test(status)) {
            wait = headers.get("retry-after") * 1000 || 0;
          } else if (/^40[13]$/.test(status) && (await this.#options.refused?.(response))) {
            quick = !losses;
          } else if (this.#part?.shrink(status)) {
            quick = true;
          } else {
            const { detail } = await response.json().catch(() => ({}));
            end = { t: "end", status, detail };
          }
        }
      } catch {}
      signal.removeEventListener("abort", this.#stop);
      attempt.abort();
      if (signal.aborted) return;
      this.connection = this.#backlog = undefined;
      if (end) {
        this.#say(end);
        // Whoever is next in line has to hear it first.
        await this.#pause(100);
        return this.#refuse(end);
      }
      this.#relay({ state: CONNECTING });
      losses += 1;
      const least = Math.max(wait, Math.min(MOST_WAIT, (this.#retry || 500) * 2 ** (losses - 1)));
      if (!quick) await this.#pause(least * (1 + Math.random() / 2));
    }
  }

  // Takes what the hub has sent; returns whether the page has to load its state again.
  #receive(events, id) {
    for (const [list, at] of this.#part?.split(events, id) || [[events, id]]) {
      if (this.#accept(list, at)) return true;
    }
  }

  #accept(events, id) {
    const reset = this.#options.load ? events.findIndex(([type]) => type == "stream-reset") : -1;
    const list = reset < 0 ? events : events.slice(0, reset + 1);
    for (const [type, data] of list) {
      if (!/^stream-(open|reset)$/.test(type)) continue;
      const { connection, keepalive } = JSON.parse(data);
      this.connection = connection;
      // Two intervals.
      if (keepalive && this.#silence == SILENCE) this.#silence = keepalive * 2000;
    }
    this.#relay({ list, id: reset < 0 ? id : this.lastEventId });
    return reset >= 0;
  }

  #relay(m) {
    const { list = [], id, state = this.readyState } = m;
    this.#say({ t: "ev", ...m });
    for (const event of list) {
      if (event[0] == "stream-topics") this.#retopic(JSON.parse(event[1]));
      this.#deliver(event);
    }
    if (id && !this.#backlog) this.lastEventId = id;
    this.#state(state);
  }

  // A stream that is lost in a backlog goes on at its position, with the topics it had.
  #retopic({ topics, complete }) {
    this.#backlog = !complete;
    if (!complete) return;
    this.backlogId = undefined;
    const url = new URL(this.url);
    url.searchParams.delete("topic");
    topics.forEach((topic) => url.searchParams.append("topic", topic));
    this.url = url.href;
  }

  // The native EventSource, made again whenever the browser has given it up.
  #listen(signal) {
    return new Promise((done) => {
      const source = new EventSource(this.#target(), { withCredentials: this.withCredentials });
      let opened;
      const end = () => {
        source.close();
        this.#native = undefined;
        done(opened);
      };
      signal.addEventListener("abort", end);
      this.#native = source;
      const types = this.#types;
      this.#types = new Set();
      types.forEach((type) => this.#hearNative(type));
      source.onopen = () => {
        opened = true;
        this.#news = now();
        this.#state(OPEN);
      };
      source.onerror = () => (source.readyState == CLOSED ? end() : this.#state(CONNECTING));
    });
  }

  #hearNative(type) {
    if (/^(open|error|statechange)$/.test(type) || this.#types.has(type)) return;
    this.#types.add(type);
    this.#native?.addEventListener(type, ({ data, lastEventId }) => {
      this.#news = now();
      this.#receive([[type, data, lastEventId]], lastEventId);
    });
  }
}

for (const target of [SharedEventSource, SharedEventSource.prototype]) {
  Object.assign(target, { CONNECTING, OPEN, CLOSED });
}
