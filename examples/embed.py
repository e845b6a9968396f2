"""
An event stream next to other resources of a twisted.web site.

Run:  python examples/embed.py [PORT]
Then: curl -N 'http://localhost:8080/events?topic=visits'
And:  curl http://localhost:8080/
"""

import sys
from itertools import count

from twisted.internet import endpoints, reactor
from twisted.web.resource import Resource
from twisted.web.server import Site

from twisted_sse import Hub

hub = Hub()
visits = count(1)


class Front(Resource):
    def render_GET(self, request):
        number = next(visits)
        hub.publish("visits", {"number": number})
        return b"You are visitor %d.\n" % number


root = Resource()
root.putChild(b"", Front())
root.putChild(b"events", hub.resource())

port = sys.argv[1] if len(sys.argv) > 1 else "8080"
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(root))
reactor.run()
