"""
Serves a page of this folder, and the steps of a task until its last event: see README.md.
"""

import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.web.static import File

from twisted_sse import ServerSentEvent
from twisted_sse.klein import Klein, event_stream

BUILT = Path(__file__).resolve().parent / "dist"

app = Klein()


@app.route("/steps")
@event_stream(retry=100)
async def steps(request, last_event_id):
    # A page that has lost the connection gets the steps that it has missed.
    done = int(last_event_id or 0)
    for number in range(done + 1, 6):
        await deferLater(reactor, 0.3)
        yield ServerSentEvent(f"step {number}", id=str(number))
    yield ServerSentEvent("The task is done.", event="end_event")


@app.route("/", branch=True)
def page(request):
    return File(str(BUILT), defaultType="text/html")


if __name__ == "__main__":
    app.run("localhost", int(sys.argv[1]) if sys.argv[1:] else 8080)
