// A shop in Express that publishes each order to a hub: see README.md.

import express from "express";

const { HUB = "http://localhost:8080/events", TOKEN, PORT = "3000" } = process.env;
const app = express();
app.use(express.json());

async function publish(event) {
  const answer = await fetch(HUB, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${TOKEN}`,
      "Content-Type": "application/json",
      // If no answer comes, the same request can be sent again: the event is published once.
      "Idempotency-Key": crypto.randomUUID(),
    },
    body: JSON.stringify(event),
    signal: AbortSignal.timeout(10000),
  });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer.json();
}

app.post("/orders", async (request, response) => {
  const { id } = await publish({ topic: "orders", event: "ordered", data: request.body });
  response.status(201).json({ id });
});

app.listen(Number(PORT), () => console.log(`The shop is at http://localhost:${PORT}`));
