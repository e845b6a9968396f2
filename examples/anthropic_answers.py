"""
Anthropic's model: its answer to a POST, piece by piece.

It needs the package anthropic, and a key in the environment variable ANTHROPIC_API_KEY.

Run:  python examples/anthropic_answers.py [PORT]
Then: curl -N http://localhost:8080/ -d 'Why is the sky blue?'
"""

# The anthropic package awaits asyncio.
from twisted.internet import asyncioreactor

asyncioreactor.install()

import sys

from anthropic import AsyncAnthropic

from twisted_sse.klein import Klein, event_stream
from twisted_sse.web.dialects import BrowserEvents

app, client = Klein(), AsyncAnthropic()


async def model(question):
    messages = [{"role": "user", "content": question}]
    # The block ends with the stream: nobody pays for an answer that nobody reads.
    async with client.messages.stream(
        model="claude-haiku-4-5", max_tokens=1000, messages=messages
    ) as stream:
        async for text in stream.text_stream:
            yield text


@app.route("/", methods=["POST"])
@event_stream(dialect=BrowserEvents())
def answer(request):
    return model(request.content.read().decode("utf-8"))


app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
