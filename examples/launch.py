"""
A countdown on a page of another origin: a cookie, Redis, a schedule, and a last event.

It needs a Redis server, and: pip install 'twisted-sse[redis]'

Run:  python examples/launch.py [PORT] [PORT_OF_PAGE] [REDIS]
Then: open http://localhost:8081/ in a browser, and reload it during the countdown
"""

import sys
from pathlib import Path
from secrets import token_hex, token_urlsafe

from twisted.internet import endpoints, reactor
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from twisted_sse import CORS, Grant, Hub, ServerSentEvent, Unauthorized

defaults = ["8080", "8081", "redis://localhost:6379/0,prefix=launches"]
port, page_port, redis = [*sys.argv[1:], *defaults[len(sys.argv) - 1 :]]
cors = CORS([f"http://localhost:{page_port}"])
hub, launch = Hub(redis), f"launches/{token_hex(4)}"
numbers, sessions = iter(range(10, 0, -1)), set()


class Login(Resource):
    isLeaf = True

    def render_POST(self, request):
        sessions.add(token := token_urlsafe().encode())
        request.addCookie("login", token, path="/", httpOnly=True, sameSite="lax")
        return b""


def authorize(request):
    if request.getCookie(b"login") not in sessions:
        raise Unauthorized("Log in first.")
    return Grant(public=True)


def count_down():
    if (number := next(numbers, None)) is not None:
        return number
    schedule.stop()
    # Nothing follows this event: readers get it, and then the end of the stream.
    hub.end(launch, final=ServerSentEvent("Liftoff!", event="liftoff"))


# The countdown waits while nobody reads it.
schedule = hub.every(0.5, launch, count_down, idle=False)

root, page = Resource(), Path(__file__).with_suffix(".html").read_bytes()
root.putChild(b"login", cors.wrap(Login()))
root.putChild(b"events", hub.resource(authorize=authorize, cors=cors, topics=[launch]))
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(root))
front = Resource()
front.putChild(b"", Data(page.replace(b"8080", port.encode()), "text/html; charset=utf-8"))
endpoints.serverFromString(reactor, f"tcp:{page_port}").listen(Site(front))
reactor.run()
