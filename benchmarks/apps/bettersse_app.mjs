// A channel of better-sse, as in its docs: node bettersse_app.mjs PORT
import express from "express";
import { createChannel, createSession } from "better-sse";

const app = express();
const channel = createChannel();
const SAMPLE = "x".repeat(161) + "~t=0000000000000000;s=00000000;";

app.get("/events", async (req, res) => {
  const session = await createSession(req, res);
  channel.register(session);
});

app.post("/publish", express.text({ type: "*/*" }), (req, res) => {
  channel.broadcast(req.body, "message");
  res.status(204).end();
});

app.get("/gen", async (req, res) => {
  const session = await createSession(req, res);
  async function* source() {
    for (let i = 0; i < req.query.n; i++) yield SAMPLE;
  }
  await session.iterate(source());
  res.end();
});

app.listen(Number(process.argv[2]), "127.0.0.1", 4096);
