"""
A Klein app with one route that streams and one that publishes.

Run:  python examples/klein_app.py [PORT]
Then: curl -N http://localhost:8080/rooms/lobby
And:  curl http://localhost:8080/rooms/lobby -d text=hello
"""

import sys

from klein import Klein

from twisted_sse import Hub

app = Klein()
hub = Hub()


@app.route("/rooms/<room>", methods=["GET", "HEAD", "OPTIONS"])
def listen(request, room):
    return hub.subscribe(f"rooms/{room}")


@app.route("/rooms/<room>", methods=["POST"])
async def say(request, room):
    text = request.args[b"text"][0].decode("utf-8")
    receipt = await hub.publish(f"rooms/{room}", text)
    return f"{receipt.id} was handed to {receipt.subscribers} subscribers\n"


app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
