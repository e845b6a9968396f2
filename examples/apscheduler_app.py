"""
Publish at times of day or by a calendar, with APScheduler.

Needs: pip install 'apscheduler<4'
Run:  python examples/apscheduler_app.py [PORT]
Then: curl -N http://localhost:8080/
"""

import sys
import time

from apscheduler.schedulers.twisted import TwistedScheduler
from twisted.internet import endpoints, reactor
from twisted.web.server import Site

from twisted_sse import Hub

hub = Hub()


def tell_time():
    # APScheduler calls this in a thread of the reactor's pool, but a hub must be called in the
    # reactor's thread.
    reactor.callFromThread(hub.publish, "time", {"time": time.time()})


scheduler = TwistedScheduler(timezone="UTC")
scheduler.add_job(tell_time, "cron", second="*")
scheduler.start()

port = sys.argv[1] if len(sys.argv) > 1 else "8080"
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(hub.subscribe("time")))
reactor.addSystemEventTrigger("before", "shutdown", scheduler.shutdown)
reactor.run()
