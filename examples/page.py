"""
A page in plain HTML and JavaScript, and the stream that it shows.

Run:  python examples/page.py [PORT]
Then: open http://localhost:8080/ in a browser
"""

import random
import sys
from pathlib import Path

from twisted.internet import endpoints, reactor
from twisted.internet.task import LoopingCall
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import File

from twisted_sse import Hub

hub = Hub()


def roll():
    hub.publish("dice", {"pips": random.randint(1, 6)})


root = Resource()
root.putChild(b"", File(str(Path(__file__).with_suffix(".html"))))
root.putChild(b"events", hub.resource(topics=["dice"]))

port = sys.argv[1] if len(sys.argv) > 1 else "8080"
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(root))
LoopingCall(roll).start(1)
reactor.run()
