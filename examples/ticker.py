"""
Publish from a LoopingCall, and wait for the hub if it is slow.

Run:  python examples/ticker.py [PORT]
Then: curl -N 'http://localhost:8080/?topic=ticks'
"""

import sys
import time

from twisted.internet import endpoints, reactor
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.server import Site

from twisted_sse import Hub, ServerSentEvent

hub = Hub()
log = Logger("ticker")


def tick():
    event = ServerSentEvent.json({"time": time.time()}, event="tick")
    # The loop waits for this Deferred, so at most one publication is unfinished.
    # A failure would end the loop, so it is logged instead.
    return hub.publish("ticks", event).addErrback(lambda why: log.failure("Not published", why))


loop = LoopingCall(tick)
loop.start(0.5)

port = sys.argv[1] if len(sys.argv) > 1 else "8080"
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(hub.resource()))
reactor.addSystemEventTrigger("before", "shutdown", loop.stop)
reactor.run()
