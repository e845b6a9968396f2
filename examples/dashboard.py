"""
An application: a live dashboard whose chart is filled again after a reload.

Run:  python examples/dashboard.py [PORT]
Then: open http://localhost:8080/ in a browser
"""

import os
import sys
from itertools import count

from twisted.internet import endpoints, reactor
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from twisted_sse import Hub

PAGE = b"""<!doctype html>
<title>Dashboard</title>
<p>Load: <b id="load"></b>
<svg viewBox="0 0 119 8"><polyline id="line" fill="none" stroke="teal" stroke-width=".2"/></svg>
<script>
  let values = [];
  const source = new EventSource("/events?last_event_id=earliest");
  source.addEventListener("stream-reset", () => (values = []));
  source.onmessage = (event) => {
    values = [...values, JSON.parse(event.data)].slice(-120);
    document.getElementById("load").textContent = values.at(-1).load.toFixed(2);
    const points = values.map(({ load }, x) => `${x},${8 - load}`).join(" ");
    document.getElementById("line").setAttribute("points", points);
  };
</script>"""

# As many events as the chart shows.
hub = Hub("memory:events=120")
numbers = count()
hub.every(0.5, "load", lambda: {"number": next(numbers), "load": os.getloadavg()[0]})

root = Resource()
root.putChild(b"", Data(PAGE, "text/html; charset=utf-8"))
root.putChild(b"events", hub.resource(topics=["load"]))

port = sys.argv[1] if len(sys.argv) > 1 else "8080"
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(root))
reactor.run()
