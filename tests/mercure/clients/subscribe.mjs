// Subscribes with the npm package eventsource, as the documentation of Mercure shows.
//
// Usage: subscribe.mjs HUB TOPIC NUMBER [TOKEN]
// Prints a line of JSON when the stream is open, and one for each of NUMBER events.

import { EventSource } from "eventsource";

const [hub, topic, number, token] = process.argv.slice(2);
const url = new URL(hub);
url.searchParams.append("topic", topic);

const authorized = (input, init) =>
  fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } });
const source = new EventSource(url, token === undefined ? {} : { fetch: authorized });

const print = (value) => console.log(JSON.stringify(value));
let count = 0;
source.addEventListener("open", () => print({ open: true }));
source.addEventListener("error", (event) => print({ error: event.code ?? null }));
const take = (event) => {
  print({ type: event.type, id: event.lastEventId, data: event.data });
  count += 1;
  if (count === Number(number)) source.close();
};
source.addEventListener("update", take);
source.addEventListener("message", take);
