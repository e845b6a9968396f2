"""
Serves a page of this folder, its stream, and news: see README.md for how to run it.
"""

import sys
from pathlib import Path

from twisted.web.static import File

from twisted_sse import Hub
from twisted_sse.klein import Klein, hub_routes

BUILT = Path(__file__).resolve().parent / "dist"

app, hub = Klein(), Hub()
hub_routes(app, hub)


@app.route("/say/<text>", methods=["POST"])
async def say(request, text):
    receipt = await hub.publish("news", text)
    return receipt.id


@app.route("/", branch=True)
def page(request):
    return File(str(BUILT))


if __name__ == "__main__":
    app.run("localhost", int(sys.argv[1]) if sys.argv[1:] else 8080)
