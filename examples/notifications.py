"""
An application: notifications for the user who is logged in, published by other programs.

Run:  python examples/notifications.py [PORT] [FILE]
Then: open http://localhost:8080/login/ada in a browser
And:  curl localhost:8080/events -H 'Authorization: Bearer secret' -d topic=users/ada -d data=hello
"""

import sys
from secrets import token_urlsafe

from twisted_sse import BearerTokens, Grant, Hub, Unauthorized
from twisted_sse.klein import Klein, hub_routes

PAGE = """<!doctype html><title>Notifications</title>
<h1 id="count">0</h1>
<ul id="list"></ul>
<script>
  const source = new EventSource("/events?topic=users/{user}&last_event_id=earliest");
  source.addEventListener("stream-reset", () => list.replaceChildren());
  source.onmessage = (event) => {
    list.append(Object.assign(document.createElement("li"), { textContent: event.data }));
    count.textContent = list.children.length;
  };
</script>"""
app, sessions = Klein(), {}
hub = Hub(f"sqlite:{sys.argv[2]}" if len(sys.argv) > 2 else None)
programs = BearerTokens(["secret"])


def authorize(request):
    if request.getHeader(b"Authorization"):
        return programs(request)
    user = sessions.get(request.getCookie(b"login"))
    if user is None:
        raise Unauthorized("Log in first.")
    return Grant(user, subscribe=[f"users/{user}"])


@app.route("/login/<any(ada, bob):user>")
def login(request, user):
    sessions[token := token_urlsafe().encode()] = user
    request.addCookie("login", token, path="/", httpOnly=True, sameSite="lax")
    return PAGE


hub_routes(app, hub, authorize=authorize)
app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
