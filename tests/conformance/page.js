// Opens an EventSource for every stream and records what it dispatches.
//
// types are all event types that the streams may have, including "message".  A browser opens at
// most six connections to a server; one is reserved for reconnections.
function listen(count, types, probe) {
  window.returned = 0;
  window.answers = Array.from({ length: count }, () => ({ events: [], last_event_id: null }));
  let next = 0;

  function openNext() {
    if (next === count) {
      return;
    }
    const answer = window.answers[next];
    const source = new EventSource(`streams/${next}`);
    next += 1;
    let ended = false;
    for (const type of types) {
      source.addEventListener(type, (event) => {
        // Other events are the source's own "open" and "error", which are possible types, too.
        if (event instanceof MessageEvent) {
          answer.events.push([event.type, event.data, event.lastEventId]);
        }
      });
    }
    source.addEventListener("error", (event) => {
      if (!(event instanceof MessageEvent) && !ended) {
        ended = true;
        openNext();
      }
    });
    source.addEventListener(probe, (event) => {
      answer.last_event_id = event.lastEventId;
      window.returned += 1;
      source.close();
    });
  }

  for (let at = 0; at < 5; at += 1) {
    openNext();
  }
}
