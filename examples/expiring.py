"""
Tickets for three seconds: a stream ends when its grant expires.

Run:  python examples/expiring.py [PORT]
Then: curl -X POST http://localhost:8080/tickets
And:  curl -N 'http://localhost:8080/events?topic=news&ticket=TICKET'
"""

import secrets
import sys
import time

from twisted.internet import endpoints, reactor
from twisted.web.resource import Resource
from twisted.web.server import Site

from twisted_sse import Grant, Hub, Unauthorized

tickets = {}
hub = Hub()


class Tickets(Resource):
    isLeaf = True

    def render_POST(self, request):
        ticket = secrets.token_hex().encode("ascii")
        tickets[ticket] = time.time() + 3
        return ticket


def authorize(request):
    ticket = request.args.get(b"ticket", [b""])[0]
    if ticket not in tickets:
        raise Unauthorized("Get a ticket first: POST /tickets.")
    return Grant("guest", public=True, expires=tickets[ticket])


root = Resource()
root.putChild(b"tickets", Tickets())
root.putChild(b"events", hub.resource(authorize=authorize))
port = sys.argv[1] if len(sys.argv) > 1 else "8080"
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(root))
hub.every(1, "news", lambda: "still here")
reactor.run()
