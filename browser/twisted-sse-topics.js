// Streams whose topics change: that of tabs with different topics, and that of a page that changes
// its topics itself.
//
// Law: nothing is lost, doubled or reordered, whenever the connection is lost.
//
// The hub sends the backlog of the added topics between two stream-topics events.  Until the
// second one has come, the change is not done: a source whose connection is lost comes back with
// its old topics at its old position, and the change is asked for again, from the last event of
// the backlog that has come.

import { SharedEventSource } from "./twisted-sse.js";

// Another server may have the stream, or it has to be asked again later.
const AGAIN = [404, 408, 409, 425, 429];

const CLOSED = 2;

// To a tab whose topics the hub does not add to the stream, because they would be too many, for
// example: it opens a stream of its own, and the hub answers that.
const ALONE = { t: "alone" };

// Requests that may come too early count one, and those without an answer four.
const MOST_FAILURES = 9;

// The last change of each source.
const changes = new WeakMap();

export function changeTopics(source, change, options = {}) {
  if (source.mode == "shared" || source instanceof TopicEventSource) {
    const remedy = 'open another TopicEventSource, or a SharedEventSource with mode: "fetch".';
    return Promise.reject(new TypeError(`Tabs may share this stream: ${remedy}`));
  }
  const before = changes.get(source) || Promise.resolve();
  const done = before.then(() => obey(source, change, options));
  changes.set(source, done.catch(() => {}));
  return done;
}

// Asks the hub once.  Returns its status, or 0 if there was no answer.
async function send(source, connection, change, headers) {
  const url = new URL(source.url);
  url.pathname = url.pathname.replace(/(\/subscribe)?$/, `/${connection}`);
  try {
    const response = await fetch(url, {
      method: "PATCH",
      headers: {
        "Content-Type": "application/json",
        ...(typeof headers == "function" ? await headers() : headers),
      },
      credentials: source.withCredentials ? "include" : "same-origin",
      body: JSON.stringify(change),
    });
    const { ok, status } = response, wait = +response.headers.get("retry-after") || 1;
    if (ok) return { status, ok };
    const { detail } = await response.json().catch(() => ({}));
    return { status, wait, detail: detail || `Status ${status}` };
  } catch {
    return { status: 0, wait: 1 };
  }
}

function obey(source, { add = [], remove = [], lastEventId = source.lastEventId }, { headers }) {
  return new Promise((resolve, reject) => {
    let asked, timer;

    const listeners = {
      "stream-open": () => ask(),
      "stream-reset": () => ask(),
      "stream-topics": ({ data }) => {
        const { topics, complete } = JSON.parse(data);
        const has = (topic) => topics.includes(topic);
        if (complete && (has("*") || add.every(has)) && !remove.some(has)) end(resolve, topics);
      },
      statechange: () => {
        if (source.readyState == CLOSED) end(reject, new Error("The source is closed."));
      },
    };

    const end = (act, value) => {
      clearTimeout(timer);
      for (const type in listeners) source.removeEventListener(type, listeners[type]);
      act(value);
    };

    const from = () => source.backlogId || lastEventId || undefined;

    const ask = async () => {
      const { connection } = source;
      if (!connection || asked == connection) return;
      asked = connection;
      const change = { add, remove, last_event_id: from() };
      const { ok, status, wait, detail } = await send(source, connection, change, headers);
      if (ok) return;
      if (status && !AGAIN.includes(status) && status < 500) {
        return end(reject, Object.assign(new Error(detail), { status }));
      }
      timer = setTimeout(() => {
        if (asked != connection) return;
        asked = undefined;
        ask();
      }, wait * 1000);
    };

    for (const type in listeners) source.addEventListener(type, listeners[type]);
    ask();
  });
}

// An EventSource whose tabs share one stream, whatever topics each of them has.
export class TopicEventSource extends SharedEventSource {
  constructor(url, topics, options = {}) {
    const at = new URL(url, location), { searchParams } = at;
    const isName = (topic) => typeof topic == "string" && /^(?!\*$)[^{]+$/.test(topic);
    if (!Array.isArray(topics) || !topics.length || !topics.every(isName)) {
      throw new TypeError("topics must be an array of names, without patterns.");
    }
    for (const name of ["topic", "match_exact", "match_urlpattern"]) {
      if (searchParams.has(name)) {
        throw new TypeError(`The URL has ${name}: name all topics in the second argument.`);
      }
    }
    for (const name of ["envelope", "presence"]) {
      if (searchParams.has(name)) {
        throw new TypeError(`The URL has ${name}, which a TopicEventSource cannot have.`);
      }
    }
    for (const name of ["method", "body"]) {
      if (options[name]) {
        throw new TypeError(`A TopicEventSource has no ${name}: its topics are in the URL.`);
      }
    }
    searchParams.set("envelope", "topic");
    const part = new Part([...new Set(topics)], options.headers);
    super(at, { ...options, part });
    this.topics = part.topics;
  }
}

// What is particular to a tab that has topics of its own.
//
// Every tab numbers the events of the union, all topics of the stream, and shows its own.  A tab
// that joins tells the leader its topics and its position; the leader adds the topics by PATCH, and
// hands their backlog to that tab alone.  From then on the position of the stream is that of the
// tab.  Each tab holds a lock for each of its topics, so that the leader knows which of them nobody
// wants any more, even if a tab has crashed.
//
// The numbers of two tabs mean the same if they have the same version.  Each change of the union
// makes a new version, which a tab takes over if it has had every event up to the change.  Otherwise
// the tab joins again, at its last event.  What it gets then names the event that it follows, so
// nothing comes twice if two tabs believe that they lead.
class Part {
  #source;
  #group;
  #tab;
  #headers;
  #ended = new Set();
  // Of the leader: the tabs that want to join, the one whose topics the hub is being asked for, on
  // which connection, the events of its backlog, and how often requests have failed.
  #asks = new Map();
  #asked;
  #connection;
  #backlog;
  #failures = 0;

  constructor(topics, headers) {
    this.topics = this.union = topics;
    this.#headers = headers;
  }

  tie(source, group, tab) {
    this.#source = source;
    this.#group = group;
    this.#tab = tab;
  }

  // What a message of this kind has to tell.
  tell(t) {
    const { version, topics } = this;
    return t == "hi" ? { version, topics } : { version };
  }

  address({ searchParams }) {
    for (const topic of this.union) searchParams.append("topic", topic);
  }

  // Takes its place among the tabs until the signal.
  async join(signal) {
    if (this.#source.mode != "shared") return;
    this.#asks.clear();
    this.#asked = this.#connection = this.#backlog = undefined;
    await Promise.all(this.topics.map((topic) => hold(`${this.#group} ${topic}`, signal)));
  }

  // Dispatches the event as the tab wants it, if it does.
  dispatchEvent(event) {
    const { type, data, lastEventId, origin } = event, source = this.#source;
    if (/^stream-/.test(type)) return source.dispatchEvent(event);
    const told = unwrap(data), { end } = told;
    const topics = told.topics.filter((topic) => this.topics.includes(topic));
    // None is told if the grant covers the event by another of its topics.
    if (told.topics.length && !topics.length) return;
    const shown = new MessageEvent(type, { data: told.data ?? data, lastEventId, origin });
    source.dispatchEvent(Object.assign(shown, { topics, end }));
    if (!end && type != "topic-end") return;
    topics.forEach((topic) => this.#ended.add(topic));
    if (this.#ended.size < this.topics.length) return;
    // As the hub answers whoever asks for these topics alone.
    source.close();
    source.dispatchEvent(Object.assign(new Event("error"), { status: 204 }));
    source.dispatchEvent(new Event("statechange"));
  }

  // Returns whether a message of the leader is not for this tab, which has had `count` events, or
  // false if it does not know its place.
  ignores(m, late, count) {
    const { t, to, version } = m, isOther = version != this.version;
    // Who is not let in at all is told so once.
    if (t == "end") return m.status != 401 && (isOther || count === false);
    if (late) return true;
    if (count !== false) {
      if (!isOther && t != "far") return m.after !== undefined;
      if (m.prior && m.prior == this.version && m.n == count) {
        this.#adopt(m);
        return false;
      }
      this.#tab.place();
      if (m.after === undefined) this.#tab.say({ t: "hi" });
    }
    if (t == "alone") {
      this.#source.mode = "fetch";
      this.#tab.again();
    } else if (m.after === this.#source.lastEventId) this.#take(m);
    else if (!to && m.state !== undefined) this.#tab.say({ t: "hi" });
    return true;
  }

  #take({ list, union, version, n, id, state }) {
    for (const event of list) {
      if (!this.#tab.show(event)) continue;
      // The page loads its state again.
      this.#source.lastEventId = "";
      return this.#tab.again();
    }
    if (!union) return;
    this.#adopt({ union, version });
    this.#source.lastEventId = id;
    this.#tab.place(n, state);
  }

  #adopt({ union, version }) {
    this.union = union;
    this.version = version;
  }

  // The tab leads, and no other tab knows more.
  begin() {
    this.#adopt({ union: this.topics, version: Math.random() });
  }

  // Returns whether to ask the hub again for the topics of this tab alone, if it has refused all.
  shrink(status) {
    if (this.#isAlone || status == 401 || status == 204) return false;
    this.begin();
    return true;
  }

  // Whether the stream has the topics of this tab only.
  get #isAlone() {
    return this.union.every((topic) => this.topics.includes(topic));
  }

  // Returns whether a tab has to join before it can be told what it has missed.
  ask(m, known) {
    if (m.known && m.version == this.version) return false;
    if (known && this.#asked?.from != m.from) this.#asks.set(m.from, m);
    return true;
  }

  // Asks the hub for the topics of the next tab, and removes those that no tab has.
  async next() {
    const source = this.#source, { connection } = source;
    if (!connection || this.#connection != connection || this.#asked) return;
    if (!this.#asks.size && this.#isAlone) return;
    const [ask = { topics: [] }] = this.#asks.values();
    this.#asked = ask;
    const isCurrent = () => this.#asked == ask && source.connection == connection;
    while (true) {
      const change = await this.#change(ask);
      if (!isCurrent()) return;
      if (!change) return this.#settle();
      const { ok, status, wait } = await send(source, connection, change, this.#headers);
      if (ok || !isCurrent()) return;
      const isUnknown = !status || status == 408 || status >= 500;
      if (status == 410) {
        // The tab gets everything that is kept.
        this.#give(ask, [["stream-reset", '{"reason":"unknown-id"}', "earliest"]]);
      } else if (isUnknown || AGAIN.includes(status)) {
        await new Promise((done) => setTimeout(done, wait * 1000));
        if (!isCurrent()) return;
        this.#failures += isUnknown ? 4 : 1;
        if (this.#failures > MOST_FAILURES) this.#settle(ALONE);
        // To ask again on this connection might bring the backlog twice.
        if (isUnknown) return this.#tab.stop();
        return isCurrent() && this.#postpone(ask);
      } else return this.#settle(ALONE);
    }
  }

  // Other tabs may have more luck.
  #postpone(ask) {
    this.#asked = undefined;
    this.#asks.delete(ask.from);
    if (ask.from) this.#asks.set(ask.from, ask);
    this.next();
  }

  // Returns what to ask the hub for, if anything.
  async #change({ topics, id }) {
    const { held, pending } = await navigator.locks.query();
    const names = [...held, ...pending].map(({ name }) => name);
    const isWanted = (topic) => topics.includes(topic) || names.includes(`${this.#group} ${topic}`);
    const remove = this.union.filter((topic) => !isWanted(topic));
    const add = topics.filter((topic) => id || !this.union.includes(topic));
    if (!add.length && !remove.length) return;
    return { add, remove, ...(id && add.length && { last_event_id: id, repeat: true }) };
  }

  // Takes what the hub has sent; yields what is for all tabs, each time with the position after it.
  *split(events, id) {
    let list = [];
    const isNew = () => this.#connection != this.#source.connection;
    if (isNew()) this.#asked = this.#backlog = undefined;
    for (const event of events) {
      const [type, data, at] = event;
      if (type == "stream-topics") {
        const { topics, complete } = JSON.parse(data);
        this.#give(this.#asked, this.#backlog);
        this.#backlog = complete ? undefined : [];
        // The event has the position of the stream.
        yield [list, at];
        list = [];
        if (complete) this.#widen(topics);
      } else if (this.#backlog) {
        // The reader has fallen behind: the hub tells again what it has.
        if (type == "stream-reset") return this.#tab.stop();
        this.#backlog.push(event);
      } else list.push(event);
    }
    if (!this.#backlog) yield [list, id];
    else if (this.#give(this.#asked, this.#backlog)) this.#backlog = [];
    if (!isNew()) return;
    this.#connection = this.#source.connection;
    this.next();
  }

  #give(ask, list) {
    if (!ask?.from || !list?.length) return false;
    this.#tab.say({ t: "ev", to: ask.from, after: ask.id, list });
    ask.id = list.at(-1)[2];
    return true;
  }

  // The stream has other topics from here on.
  #widen(union) {
    const prior = this.version;
    this.#adopt({ union, version: Math.random() });
    this.#tab.say({ t: "ev", list: [], prior, union });
    this.#settle();
  }

  // The tab that has asked is in its place, or gets another answer.
  #settle(answer) {
    const { from, id } = this.#asked || {};
    this.#asked = undefined;
    this.#asks.delete(from);
    this.#failures = 0;
    const { union } = this, state = this.#source.readyState;
    if (from) this.#tab.say({ t: "ev", to: from, after: id, list: [], union, state, ...answer });
    if (this.#asks.size) this.next();
  }
}

// Returns what is in the envelope.  A last event for one stream has none.
function unwrap(data) {
  try {
    const told = JSON.parse(data);
    if (told.topics) return told;
  } catch {}
  return { topics: [] };
}

// Holds a lock, which others may hold too, until the signal; waits until it is held.
function hold(name, signal) {
  return new Promise((done) => {
    const wait = () => {
      done();
      return new Promise((end) => signal.addEventListener("abort", end));
    };
    navigator.locks.request(name, { mode: "shared", signal }, wait).catch(done);
  });
}
