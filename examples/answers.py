"""
An application: a model's answer, word by word, that goes on while nobody reads it.

Run:  python examples/answers.py [PORT]
Then: open http://localhost:8080/ in a browser, and reload the page during an answer
"""

import sys
from secrets import token_hex

from twisted.internet import reactor
from twisted.internet.task import deferLater

from twisted_sse import Hub
from twisted_sse.klein import Klein
from twisted_sse.runs import Runs
from twisted_sse.web.dialects import BrowserEvents

PAGE = """<!doctype html><title>Answer</title>
<form method="post" action="/answers"><input name="question"> <button>Ask</button></form>
<p id="answer"></p>
<button id="cancel">Stop</button>
<script>
  function follow(url) {
    const source = new EventSource(url);
    source.addEventListener("end", () => source.close());
    source.onmessage = (event) => answer.append(event.data);
    cancel.onclick = () => fetch(url, { method: "DELETE" });
  }
  if (location.search) follow(`/answers/${location.search.slice(1)}`);
</script>"""
app, runs = Klein(), Runs(Hub())


async def answer(question):
    for word in f"You asked: {question} Let me think about that.".split():
        await deferLater(reactor, 0.2)
        yield f"{word} "


@app.route("/")
def page(request):
    return PAGE


@app.route("/answers", methods=["POST"])
async def ask(request):
    id, question = token_hex(16), request.args[b"question"][0].decode("utf-8")
    await runs.begin(id, answer(question))
    request.redirect(f"/?{id}".encode())


@app.route("/answers/<id>", methods=["GET", "DELETE"])
def follow(request, id):
    return runs.resource(id, dialect=BrowserEvents())


app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
