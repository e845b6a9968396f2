// Express with a raw res.write for every client, the usual snippet: node express_app.mjs PORT
import express from "express";

const app = express();
const clients = new Set();
const SAMPLE = "x".repeat(161) + "~t=0000000000000000;s=00000000;";
const HEAD = { "Content-Type": "text/event-stream", "Cache-Control": "no-cache", Connection: "keep-alive" };

app.get("/events", (req, res) => {
  res.writeHead(200, HEAD);
  res.flushHeaders();
  clients.add(res);
  req.on("close", () => clients.delete(res));
});

app.post("/publish", express.text({ type: "*/*" }), (req, res) => {
  for (const client of clients) client.write(`data: ${req.body}\n\n`);
  res.status(204).end();
});

app.get("/gen", async (req, res) => {
  res.writeHead(200, HEAD);
  for (let i = 0; i < req.query.n; i++) {
    if (!res.write(`data: ${SAMPLE}\n\n`)) await new Promise((done) => res.once("drain", done));
  }
  res.end();
});

app.listen(Number(process.argv[2]), "127.0.0.1", 4096);
