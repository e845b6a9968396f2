"""
A LoopingCall that publishes, and waits for the hub if that takes its time.

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
    # What is returned is waited for, so there is never more than one unfinished publication.
    # A failure would end the loop for good, so it is logged instead.
    return hub.publish("ticks", event).addErrback(lambda why: log.failure("Not published", why))


loop = LoopingCall(tick)
loop.start(0.5)

port = sys.argv[1] if len(sys.argv) > 1 else "8080"
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(hub.resource()))
reactor.addSystemEventTrigger("before", "shutdown", loop.stop)
reactor.addSystemEventTrigger("before", "shutdown", hub.service().stopService)
reactor.run()
