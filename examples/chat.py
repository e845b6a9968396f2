"""
An application: a chat with private rooms, whose page shows what was said before.

Run:  python examples/chat.py [PORT]
Then: open http://localhost:8080/login/ada in a browser, and /login/bob in a private window
"""

import sys
from secrets import token_urlsafe

from twisted_sse import Grant, Hub, Unauthorized
from twisted_sse.klein import Klein, hub_routes

ROOMS = {"ada": ["tea", "work"], "bob": ["tea"]}
PAGE = """<!doctype html><title>Chat</title>
<form id="form"><input id="room" value="tea"> <input id="text"> <button>Say</button></form>
<ul id="said"></ul>
<script>
  const source = new EventSource("/events?topic=rooms/{room}&last_event_id=earliest");
  source.addEventListener("stream-reset", () => said.replaceChildren());
  source.onmessage = (event) => {
    const textContent = JSON.parse(event.data).join(": ");
    said.append(Object.assign(document.createElement("li"), { textContent }));
  };
  form.onsubmit = (submission) => {
    submission.preventDefault();
    fetch(`/rooms/${room.value}`, { method: "POST", body: text.value });
  };
</script>"""
app, hub, sessions = Klein(), Hub(), {}


def authorize(request):
    if (user := sessions.get(request.getCookie(b"login"))) is None:
        raise Unauthorized("Log in first.")
    return Grant(user, subscribe=[f"rooms/{room}" for room in ROOMS[user]])


@app.route("/login/<any(ada, bob):user>")
def login(request, user):
    sessions[token := token_urlsafe().encode()] = user
    request.addCookie("login", token, path="/", httpOnly=True, sameSite="lax")
    return PAGE


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
