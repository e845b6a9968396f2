// Changes the topics of an open SharedEventSource, and loses nothing if the connection is lost
// in the middle.
//
// The hub sends the backlog of the added topics between two stream-topics events.  Until the
// second one has come, the change is not done: a source whose connection is lost comes back with
// its old topics at its old position, and the change is asked for again, from the last event of
// the backlog that has come.

// Another server may have the stream, or it has to be asked again later.
const AGAIN = [404, 408, 409, 425, 429];

const CLOSED = 2;

// The last change of each source.
const changes = new WeakMap();

export function changeTopics(source, change, options = {}) {
  if (source.mode == "shared") {
    const sentence = 'Tabs that share a stream have the same topics: use mode: "fetch".';
    return Promise.reject(new TypeError(sentence));
  }
  const before = changes.get(source) || Promise.resolve();
  const done = before.then(() => obey(source, change, options));
  changes.set(source, done.catch(() => {}));
  return done;
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

    const send = async (url) => fetch(url, {
      method: "PATCH",
      headers: {
        "Content-Type": "application/json",
        ...(typeof headers == "function" ? await headers() : headers),
      },
      credentials: source.withCredentials ? "include" : "same-origin",
      body: JSON.stringify({ add, remove, last_event_id: from() }),
    });

    const ask = async () => {
      const { connection } = source;
      if (!connection || asked == connection) return;
      asked = connection;
      const url = new URL(source.url);
      url.pathname = url.pathname.replace(/(\/subscribe)?$/, `/${connection}`);
      let wait = 1;
      try {
        const response = await send(url);
        const { ok, status } = response;
        if (ok) return;
        if (!AGAIN.includes(status) && status < 500) {
          const { detail } = await response.json().catch(() => ({}));
          return end(reject, Object.assign(new Error(detail || `Status ${status}`), { status }));
        }
        wait = +response.headers.get("retry-after") || wait;
      } catch {}
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
