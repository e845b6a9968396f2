"""
An app that serves runs in every dialect, for `models.py`.

The answer of a run waits after its third word until ``POST /go``.  ``GET /counts`` tells how
many answers have begun, and how many are over.
"""

import json
from collections.abc import AsyncIterator
from secrets import token_hex
from typing import Any, cast

from klein import Klein
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.resource import IResource
from twisted.web.server import Request

from twisted_sse import Hub
from twisted_sse.runs import Runs
from twisted_sse.web.dialects import (
    AISDK,
    AnthropicMessages,
    BrowserEvents,
    OpenAIResponses,
    TanStackAI,
)

__all__ = ["app"]

_loop: Any = reactor
_PAUSE = 0.04

app = Klein()
runs = Runs(Hub(retry=200))

# Fires when the answers that wait may go on.
_going: "list[Deferred[None]]" = []
_counts = {"begun": 0, "closed": 0}
# The newest run of each chat.
_latest: dict[str, str] = {}


async def words() -> AsyncIterator[str]:
    """
    Yield the words of the answer.
    """
    _counts["begun"] += 1
    try:
        for word in ("one ", "two ", "three "):
            yield word
            await deferLater(_loop, _PAUSE)
        _going.append(Deferred())
        await _going[-1]
        yield "four"
    finally:
        _counts["closed"] += 1


@app.route("/go", methods=["POST"])
def go(request: Request) -> bytes:
    """
    Let the answers that wait go on, if there are any.
    """
    waiting, _going[:] = list(_going), []
    for one in waiting:
        one.callback(None)
    return b"gone on" if waiting else b""


@app.route("/counts")
def counts(request: Request) -> str:
    """
    Tell how many answers have begun, and how many are over.
    """
    return json.dumps(_counts)


# The AI SDK


@runs.start(dialect=AISDK(text=True))
def chat_answer(request: Request, run: str) -> AsyncIterator[str]:
    """
    The answer in a chat.
    """
    return words()


@app.route("/api/chat", methods=["POST"])
def chat(request: Request) -> IResource:
    """
    Begin an answer.
    """
    content: Any = request.content
    name = _latest[json.load(content)["id"]] = token_hex(8)
    resource: IResource = chat_answer(request, name)
    return resource


@app.route("/api/chat/<chat>/stream")
def resume(request: Request, chat: str) -> IResource | bytes:
    """
    Resume the newest answer.
    """
    if chat not in _latest:
        request.setResponseCode(204)
        return b""
    return runs.resource(_latest[chat], dialect=AISDK(text=True))


@app.route("/api/chat/<chat>/stop", methods=["POST"])
async def stop(request: Request, chat: str) -> bytes:
    """
    Stop the newest answer.
    """
    run = await runs.get(_latest[chat])
    if run is not None:
        await run.cancel()
    return b"{}"


# OpenAI


@runs.start(dialect=OpenAIResponses(text=True))
def response_answer(request: Request, run: str) -> AsyncIterator[str]:
    """
    The answer of a response.
    """
    return words()


@app.route("/v1/responses", methods=["POST"])
def create(request: Request) -> IResource:
    """
    Begin a response.
    """
    resource: IResource = response_answer(request, f"resp_{token_hex(8)}")
    return resource


@app.route("/v1/responses/<name>")
def retrieve(request: Request, name: str) -> IResource:
    """
    Follow a response.
    """
    return runs.resource(name, dialect=OpenAIResponses(text=True))


@app.route("/v1/responses/<name>/cancel", methods=["POST"])
async def cancel(request: Request, name: str) -> str:
    """
    Cancel a response.
    """
    run = await runs.get(name)
    assert run is not None
    await run.cancel()
    request.setHeader("Content-Type", "application/json")
    return json.dumps({"id": name, "object": "response", "status": run.state, "output": []})


# Anthropic


@runs.start(dialect=AnthropicMessages(text=True))
def message_answer(request: Request, run: str) -> AsyncIterator[str]:
    """
    The answer of a message.
    """
    return words()


@app.route("/v1/messages", methods=["POST"])
def message(request: Request) -> IResource:
    """
    Begin a message.
    """
    resource: IResource = message_answer(request, f"msg_{token_hex(8)}")
    return resource


# TanStack AI


@runs.start(dialect=TanStackAI(text=True))
def thread_answer(request: Request, run: str) -> AsyncIterator[str]:
    """
    The answer of a run.
    """
    return words()


@app.route("/api/tanstack", methods=["POST"])
def thread(request: Request) -> IResource:
    """
    Begin a run, or join it.
    """
    name, content = str(request.getHeader("X-Run-Id")), cast(Any, request.content)
    _latest[json.load(content)["threadId"]] = name
    resource: IResource = thread_answer(request, name)
    return resource


@app.route("/api/tanstack", methods=["GET"])
def load_thread(request: Request) -> IResource | str:
    """
    Tell which run of a thread goes on, and follow it.
    """
    arguments = cast(dict[bytes, list[bytes]], request.args)
    if b"runId" in arguments:
        return runs.resource(arguments[b"runId"][0].decode(), dialect=TanStackAI(text=True))
    request.setHeader("Content-Type", "application/json")
    active = {"runId": _latest[arguments[b"threadId"][0].decode()]}
    return json.dumps({"messages": [], "activeRun": active})


# Pages


@app.route("/answers/<name>", methods=["POST"])
async def begin(request: Request, name: str) -> bytes:
    """
    Begin a run.
    """
    await runs.begin(name, words())
    return b"begun"


@app.route("/answers/<name>", methods=["GET", "DELETE"])
def follow(request: Request, name: str) -> IResource:
    """
    Follow a run, or stop it.
    """
    return runs.resource(name, dialect=BrowserEvents())
