"""
An application: a model's answer, word by word, that goes on while nobody reads it.

Run:  python examples/answers.py [PORT]
Then: open http://localhost:8080/ in a browser, and reload the page during an answer
"""

import sys
from secrets import token_hex

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from twisted_sse import Hub
from twisted_sse.klein import Klein

PAGE = """<!doctype html><title>Answer</title>
<form method="post" action="/answers"><input name="question"> <button>Ask</button></form>
<p id="answer"></p>
<script>
  function follow(id) {
    const source = new EventSource(`/answers/${id}?last_event_id=earliest`);
    source.addEventListener("end", () => source.close());
    source.onmessage = (event) => answer.append(event.data);
  }
  if (location.search) follow(location.search.slice(1));
</script>"""
app, hub = Klein(), Hub()


async def answer(topic, question):
    for word in f"You asked: {question} Let me think about that.".split():
        await deferLater(reactor, 0.2)
        hub.publish(topic, f"{word} ")
    hub.publish(topic, "", event="end")


@app.route("/")
def page(request):
    return PAGE


@app.route("/answers", methods=["POST"])
def ask(request):
    id, question = token_hex(16), request.args[b"question"][0].decode("utf-8")
    Deferred.fromCoroutine(answer(f"answers/{id}", question))
    request.redirect(f"/?{id}".encode())


@app.route("/answers/<id>")
def read(request, id):
    return hub.subscribe(f"answers/{id}")


app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
