"""
A wall of notes that shows all of them after a reload, and after a restart of the program.

Run:  python examples/wall.py [PORT] [FILE]
Then: open http://localhost:8080/ in a browser
"""

import sys
from pathlib import Path

from twisted_sse import Hub
from twisted_sse.klein import Klein, hub_routes

port, file = [*sys.argv[1:], *["8080", "wall.db"][len(sys.argv) - 1 :]]
app, hub = Klein(), Hub(f"sqlite:{file},events=500,age=31536000")
hub_routes(app, hub, topics=["wall"])


@app.route("/")
def page(request):
    return Path(__file__).with_suffix(".html").read_bytes()


@app.route("/notes", methods=["POST"])
async def write(request):
    receipt = await hub.publish("wall", request.content.read().decode("utf-8"))
    # The note is in the file now, and with those who read.
    return receipt.id


app.run("localhost", int(port))
