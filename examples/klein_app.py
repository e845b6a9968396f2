"""
A Klein app: one route yields a stream, and others use a hub.

Run:  python examples/klein_app.py [PORT]
Then: curl -N http://localhost:8080/spell/hello
And:  curl -N 'http://localhost:8080/events?topic=rooms/lobby'
And:  curl http://localhost:8080/rooms/lobby -d text=hello
"""

import sys

from klein import Klein
from twisted.internet import reactor
from twisted.internet.task import deferLater

from twisted_sse import Hub
from twisted_sse.klein import event_stream, hub_routes

app = Klein()
hub = Hub()
hub_routes(app, hub)


@app.route("/spell/<word>")
@event_stream(hub=hub)
async def spell(request, word):
    for letter in word:
        yield letter
        await deferLater(reactor, 0.3)


@app.route("/rooms/<room>", methods=["POST"])
async def say(request, room):
    text = request.args[b"text"][0].decode("utf-8")
    receipt = await hub.publish(f"rooms/{room}", text)
    return f"{receipt.id} was handed to {receipt.subscribers} subscribers\n"


app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
