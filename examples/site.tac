"""
An application file for twistd: a site of twisted.web with an event stream.

Run:  PORT=8080 twistd -ny examples/site.tac
Then: curl -N http://localhost:8080/events
"""

import os
import time

from twisted.application import service, strports
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from twisted_sse import Hub

hub = Hub()
hub.every(0.5, "time", lambda: {"time": time.time()})

root = Resource()
root.putChild(b"", Data(b"The time is at /events.\n", "text/plain"))
root.putChild(b"events", hub.resource(topics=["time"]))

application = service.Application("site")
port = os.environ.get("PORT", "8080")
strports.service(f"tcp:{port}", Site(root)).setServiceParent(application)
# When the application stops, its streams end in good order.
hub.service(grace=5).setServiceParent(application)
