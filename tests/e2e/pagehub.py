"""
A program for pages: a hub with everything that the scripts in the documentation ask for.

Usage: pagehub.py PORT DIRECTORY, where DIRECTORY has the pages.  Everybody publishes with the
token "right", and is the user in the cookie "user".
"""

import json
import sys

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.web.static import File

from twisted_sse import CORS, Grant, Hub, ServerSentEvent, Unauthorized
from twisted_sse.klein import Klein, hub_routes, mercure_routes
from twisted_sse.runs import Runs
from twisted_sse.web.browsermodule import BrowserModule
from twisted_sse.web.dialects import BrowserEvents

__all__: list[str] = []

port, directory = int(sys.argv[1]), sys.argv[2]

app = Klein()
hub = Hub(keepalive=1.0, retry=100, retry_spread=0, presence=True)
runs = Runs(hub)
refusing = False


def authorize(request):
    """
    Refuse all streams for a while, and tokens other than one.
    """
    token = request.getHeader("Authorization")
    is_refused = refusing and request.method == b"GET"
    if is_refused or token not in (None, "Bearer right"):
        raise Unauthorized("Log in.")
    user = request.getCookie(b"user")
    publish = ["*"] if token else []
    return Grant(user and user.decode(), subscribe=["*"], publish=publish, public=True)


cors = CORS([f"http://localhost:{port}"])
hub_routes(app, hub, authorize=authorize, cors=cors)
mercure_routes(app, hub, authorize=authorize)


@app.route("/refuse", methods=["PUT", "DELETE"])
def refuse(request):
    """
    PUT ends all streams, and refuses them until DELETE.
    """
    global refusing
    refusing = request.method == b"PUT"
    if refusing:
        for connection in list(hub.connections):
            connection.close()


@app.route("/<name>.js")
def module(request, name):
    """
    The modules for pages.
    """
    return BrowserModule(f"{name}.js")


@app.route("/orders")
def orders(request):
    """
    A snapshot, and its position.
    """
    return json.dumps({"orders": ["tea"], "lastEventID": hub.broker.position.id})


async def answer():
    """
    What a model says.
    """
    for token in ("The ", "answer ", "is ", "42."):
        await deferLater(reactor, 0.01)
        yield token


async def export():
    """
    A job that has a result.
    """
    yield ServerSentEvent.json({"done": 1, "of": 2}, event="progress")
    await deferLater(reactor, 0.01)
    yield ServerSentEvent("/files/export.csv", event="result")


@app.route("/chat/<name>", methods=["POST"])
async def chat(request, name):
    """
    Begin an answer.
    """
    await runs.begin(name, answer())


@app.route("/chat/<name>", methods=["GET"])
def follow(request, name):
    """
    The answer.
    """
    return runs.resource(name)


@app.route("/exports", methods=["POST"])
async def begin(request):
    """
    Begin a job, and return its name.
    """
    await runs.begin("export", export())
    return "export"


@app.route("/exports/<name>", methods=["GET"])
def progress(request, name):
    """
    The job.
    """
    return runs.resource(name, dialect=BrowserEvents())


@app.route("/pages/", branch=True)
def pages(request):
    """
    The pages.
    """
    return File(directory)


if __name__ == "__main__":
    app.run("localhost", port)
