// Opens an EventSource for every stream and keeps what it dispatches.
//
// The types are all that the streams may mean, "message" among them.  A browser opens at most
// six connections to a server; one is left to those that come back.
function listen(count, types, probe) {
  window.returned = 0;
  window.answers = Array.from({ length: count }, () => ({ events: [], last_event_id: null }));
  let next = 0;

  function follow() {
    if (next === count) {
      return;
    }
    const answer = window.answers[next];
    const source = new EventSource(`streams/${next}`);
    next += 1;
    let ended = false;
    for (const type of types) {
      source.addEventListener(type, (event) => {
        // Without data it is the source's own: "open" and "error" are types like any other.
        if (event instanceof MessageEvent) {
          answer.events.push([event.type, event.data, event.lastEventId]);
        }
      });
    }
    source.addEventListener("error", (event) => {
      if (!(event instanceof MessageEvent) && !ended) {
        ended = true;
        follow();
      }
    });
    source.addEventListener(probe, (event) => {
      answer.last_event_id = event.lastEventId;
      window.returned += 1;
      source.close();
    });
  }

  for (let at = 0; at < 5; at += 1) {
    follow();
  }
}
