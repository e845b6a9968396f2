"""
A stock ticker: one stream for all shares, whose events tell which share they are of.

Run:  python examples/stocks.py [PORT]
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

# Enough for a price of every share, for pages that are loaded.
hub = Hub("memory:events=50")
prices = dict.fromkeys(["ACME", "HOOLI", "INITECH"], 100.0)


def trade():
    name = random.choice(list(prices))
    prices[name] *= random.uniform(0.98, 1.02)
    hub.publish(f"stocks/{name}", {"price": round(prices[name], 2)})


root = Resource()
root.putChild(b"", File(str(Path(__file__).with_suffix(".html"))))
root.putChild(b"events", hub.resource())

port = sys.argv[1] if len(sys.argv) > 1 else "8080"
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(root))
LoopingCall(trade).start(0.2)
reactor.run()
