"""
Hypercorn with its own ASGI application, one asyncio.Queue per client.

    python hypercorn_app.py PORT CERTIFICATE KEY

It speaks TLS, and HTTP/2 by ALPN.
"""

# mypy: ignore-errors
# Its libraries need not be installed to check this project.

import asyncio
import sys

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config

clients: set[asyncio.Queue] = set()
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    if scope["method"] == "POST":
        await publish(receive, send)
    else:
        await events(receive, send)


async def publish(receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    for queue in clients:
        queue.put_nowait(b"data: " + body + b"\n\n")
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def events(receive, send):
    queue = asyncio.Queue()
    clients.add(queue)
    writing = asyncio.create_task(write(queue, send))
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        clients.discard(queue)
        writing.cancel()


async def write(queue, send):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    # Without a first piece of the body the headers would not be sent yet.
    await send({"type": "http.response.body", "body": b":\n\n", "more_body": True})
    while True:
        await send({"type": "http.response.body", "body": await queue.get(), "more_body": True})


config = Config()
config.bind = [f"127.0.0.1:{sys.argv[1]}"]
config.certfile, config.keyfile = sys.argv[2:]
config.backlog = 4096
# The publisher has a single connection.
config.keep_alive_max_requests = 1_000_000
uvloop.run(serve(app, config))
