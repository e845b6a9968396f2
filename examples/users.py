"""
Who is connected, and both ways to stop: a user leaves, or the server removes a user.

Run:  python examples/users.py [PORT]
Then: open http://localhost:8080/login/ada in a browser, and /login/bob in a private window
"""

import sys
from pathlib import Path
from secrets import token_urlsafe

from twisted_sse import Grant, Hub, NoContent, Presence, ServerSentEvent, Unauthorized
from twisted_sse.klein import Klein, hub_routes

# A second without a connection, as during a reload, is not an absence.
app, hub = Klein(), Hub(presence=Presence(grace=1))
sessions, removed = {}, set()


def authorize(request):
    user = sessions.get(request.getCookie(b"login"))
    if user is None:
        raise Unauthorized("Log in first.")
    if user in removed:
        # The status is 204, after which a browser does not come back.
        raise NoContent
    return Grant(user, subscribe=["lobby"])


@app.route("/login/<user>")
def login(request, user):
    removed.discard(user)
    sessions[token := token_urlsafe().encode()] = user
    request.addCookie("login", token, path="/", httpOnly=True, sameSite="lax")
    return Path(__file__).with_suffix(".html").read_bytes()


@app.route("/users/<user>", methods=["DELETE"])
def remove(request, user):
    authorize(request)
    removed.add(user)
    goodbye = ServerSentEvent("You were removed.", event="removed")
    ended = hub.disconnect(user, final=goodbye)
    return f"{len(ended)} streams have ended.\n"


hub_routes(app, hub, authorize=authorize)
app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
