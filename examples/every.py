"""
Publish periodically, greet each subscriber, and log each end.

Run:  python examples/every.py [PORT]
Then: curl -N http://localhost:8080/
"""

import os
import sys
import time

from twisted.internet import endpoints, reactor
from twisted.logger import Logger, globalLogBeginner, textFileLogObserver
from twisted.web.server import Site

from twisted_sse import Hub, ServerSentEvent

hub = Hub()
log = Logger("every")


def load():
    # It may return a Deferred or be a coroutine function; None publishes nothing this time.
    return ServerSentEvent.json({"time": time.time(), "load": os.getloadavg()}, event="load")


@hub.on_connect
def greet(connection):
    connection.push(ServerSentEvent("Welcome.", event="greeting"))


@hub.on_disconnect
def gone(connection, reason):
    log.info("{who}: {why}", who=connection.address.host, why=reason.value)


# With idle=False, load is not called while nobody is subscribed.
hub.every(0.5, "load", load, idle=False)

globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
port = sys.argv[1] if len(sys.argv) > 1 else "8080"
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(hub.subscribe("load")))
reactor.run()
