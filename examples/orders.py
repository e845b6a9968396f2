"""
Where an order is: each has a private topic of its own, which ends when it is delivered.

Run:  python examples/orders.py [PORT]
Then: open http://localhost:8080/login/ada in a browser, and reload the page after an order
"""

import sys
from itertools import count
from pathlib import Path
from secrets import token_urlsafe

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from twisted_sse import Grant, Hub, ServerSentEvent, Unauthorized
from twisted_sse.klein import Klein, hub_routes

app, hub, sessions, numbers = Klein(), Hub(), {}, count(1)


def authorize(request):
    user = sessions.get(request.getCookie(b"login"))
    if user is None:
        raise Unauthorized("Log in first.")
    return Grant(user, subscribe=[f"orders/{user}/{{number}}"])


async def deliver(topic):
    for step in ("received", "packed", "on its way"):
        await hub.publish(topic, step, private=True)
        await deferLater(reactor, 0.5)
    await hub.end(topic, final=ServerSentEvent("here", event="delivered"), private=True)


@app.route("/login/<any(ada, bob):user>")
def login(request, user):
    sessions[token := token_urlsafe().encode()] = user
    request.addCookie("login", token, path="/", httpOnly=True, sameSite="lax")
    return Path(__file__).with_suffix(".html").read_bytes()


@app.route("/orders", methods=["POST"])
def order(request):
    topic = f"orders/{authorize(request).user}/{next(numbers)}"
    Deferred.fromCoroutine(deliver(topic))
    return topic


hub_routes(app, hub, authorize=authorize)
app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
