"""
An application: a chat with private rooms, whose page shows what was said before, and who is here.

Run:  python examples/chat.py [PORT]
Then: open http://localhost:8080/login/ada in a browser, and /login/bob in a private window
"""

import sys
from pathlib import Path
from secrets import token_urlsafe

from twisted_sse import Grant, Hub, Unauthorized
from twisted_sse.klein import Klein, hub_routes

ROOMS = {"ada": ["tea", "work"], "bob": ["tea"]}

app, hub, sessions = Klein(), Hub(presence=True), {}


def authorize(request):
    if (user := sessions.get(request.getCookie(b"login"))) is None:
        raise Unauthorized("Log in first.")
    return Grant(user, subscribe=[f"rooms/{room}" for room in ROOMS[user]])


@app.route("/login/<any(ada, bob):user>")
def login(request, user):
    sessions[token := token_urlsafe().encode()] = user
    request.addCookie("login", token, path="/", httpOnly=True, sameSite="lax")
    return Path(__file__).with_suffix(".html").read_bytes()


@app.route("/rooms/<room>", methods=["POST"])
async def say(request, room):
    user = sessions.get(request.getCookie(b"login"))
    if room not in ROOMS.get(user, []):
        request.setResponseCode(403)
        return "This room is private."
    text = request.content.read().decode("utf-8")
    await hub.publish(f"rooms/{room}", [room, user, text], private=True)


hub_routes(app, hub, authorize=authorize)
app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
