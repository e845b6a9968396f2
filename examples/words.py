"""
Events of your own types, sent by a handler as in Express, and the answer to a POST.

Run:  python examples/words.py [PORT]
Then: open http://localhost:8080/ in a browser, or: curl -N localhost:8080/words -d 'one two'
"""

import sys
from itertools import count
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import deferLater

from twisted_sse import ServerSentEvent, event_stream_for
from twisted_sse.klein import Klein

app = Klein()


@app.route("/")
def page(request):
    return Path(__file__).with_suffix(".html").read_bytes()


@app.route("/clock")
async def clock(request):
    # Express: response.write(`event: tick\ndata: ${number}\n\n`)
    async with await event_stream_for(request) as stream:
        for number in count(1):
            await stream.send(ServerSentEvent(str(number), event="tick"))
            await deferLater(reactor, 0.5)


@app.route("/words", methods=["POST"])
async def words(request):
    text = request.content.read().decode("utf-8")
    async with await event_stream_for(request) as stream:
        for word in text.split():
            await stream.send(ServerSentEvent.json({"word": word}, event="word"))
            await deferLater(reactor, 0.2)
        await stream.send(ServerSentEvent.json({"words": len(text.split())}, event="total"))


app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
