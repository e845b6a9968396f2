"""
A counter with Datastar: the server sends the new count, and every page shows it.

The page loads Datastar 1.0 from a CDN, or from a FILE of yours.

Run:  python examples/counter.py [PORT] [FILE]
Then: open http://localhost:8080/ in two windows
"""

import sys
from itertools import count
from pathlib import Path

from twisted.web.static import File

from twisted_sse import Hub
from twisted_sse.klein import Klein, hub_routes

# One event is kept: the count that a new page shows.
app, hub, numbers = Klein(), Hub("memory:events=1"), count()
hub_routes(app, hub, topics=["count"])


def add():
    signals = f'signals {{"count": {next(numbers)}}}'
    return hub.publish("count", signals, event="datastar-patch-signals")


@app.route("/")
def page(request):
    text = Path(__file__).with_suffix(".html").read_text("utf-8")
    return text.replace(CDN, "/datastar.js") if sys.argv[2:] else text


@app.route("/add", methods=["POST"])
async def more(request):
    await add()
    request.setResponseCode(204)


@app.route("/datastar.js")
def module(request):
    return File(sys.argv[2], defaultType="text/javascript")


CDN = "https://cdn.jsdelivr.net/gh/starfederation/datastar@v1.0.1/bundles/datastar.js"
add()
app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
