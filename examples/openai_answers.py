"""
OpenAI's model: its answer to a POST, piece by piece.

It needs the package openai, and a key in the environment variable OPENAI_API_KEY.

Run:  python examples/openai_answers.py [PORT]
Then: curl -N http://localhost:8080/ -d 'Why is the sky blue?'
"""

# The openai package awaits asyncio.
from twisted.internet import asyncioreactor

asyncioreactor.install()

import sys

from openai import AsyncOpenAI

from twisted_sse.klein import Klein, event_stream
from twisted_sse.web.dialects import BrowserEvents

app, client = Klein(), AsyncOpenAI()


async def model(question):
    # The block ends with the stream: nobody pays for an answer that nobody reads.
    async with await client.responses.create(
        model="gpt-5-mini", input=question, stream=True
    ) as events:
        async for event in events:
            if event.type == "response.output_text.delta":
                yield event.delta


@app.route("/", methods=["POST"])
@event_stream(dialect=BrowserEvents())
def answer(request):
    return model(request.content.read().decode("utf-8"))


app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
