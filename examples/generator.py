"""
Stream from a generator: answer a POST word by word, like a language model.

Run:  python examples/generator.py [PORT]
Then: curl -N http://localhost:8080/ -d 'say it slowly'
"""

import sys

from twisted.internet import endpoints, reactor
from twisted.internet.task import deferLater
from twisted.web.server import Site

from twisted_sse import EventSourceResponse, ServerSentEvent


async def tokens(request):
    prompt = request.content.read().decode("utf-8")
    try:
        for number, word in enumerate(prompt.split()):
            await deferLater(reactor, 0.3)
            yield {"number": number, "word": word}
    finally:
        # This runs for every end: the last word, an error, or a reader that leaves.
        print("done with", repr(prompt), flush=True)


response = EventSourceResponse(
    tokens, methods=["POST"], farewell=ServerSentEvent(event="done", data=""), error=True
)
port = sys.argv[1] if len(sys.argv) > 1 else "8080"
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(response))
reactor.addSystemEventTrigger("before", "shutdown", response.drain)
reactor.run()
