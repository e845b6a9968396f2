"""
Private events: a cookie identifies the user, and each user reads only their own topic.

Run:  python examples/private_topics.py [PORT]
Then: curl -N 'http://localhost:8080/?topic=inbox/ada' -H 'Cookie: login=ada-secret'
And:  curl -N 'http://localhost:8080/?topic=inbox/ada' -H 'Cookie: login=bob-secret'
"""

import sys

from twisted.internet import endpoints, reactor
from twisted.internet.task import LoopingCall
from twisted.web.server import Site

from twisted_sse import Grant, Hub, Unauthorized

USERS = {b"ada-secret": "ada", b"bob-secret": "bob"}

hub = Hub()


def authorize(request):
    user = USERS.get(request.getCookie(b"login"))
    if user is None:
        raise Unauthorized("Log in first: send the cookie 'login'.")
    return Grant(user, subscribe=[f"inbox/{user}"])


def write_to_everybody():
    for user in USERS.values():
        hub.publish(f"inbox/{user}", f"for {user} only", private=True)


port = sys.argv[1] if len(sys.argv) > 1 else "8080"
site = Site(hub.resource(authorize=authorize))
endpoints.serverFromString(reactor, f"tcp:{port}").listen(site)
LoopingCall(write_to_everybody).start(0.5)
reactor.run()
