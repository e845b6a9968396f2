"""
Ask Chromium what it makes of the corpus, and keep its answers:
`python -m tests.conformance.record`.

It takes about ten seconds, most of them the reconnection time of three seconds.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.server import Site

from tests.conformance.corpus import ANSWERS, Answer, Stream, lines_of, read_corpus
from tests.conformance.served import PROBE, Return, Streams, page
from tests.support.browsers import Browser, eventually_in
from tests.support.chromium import Chromium
from tests.support.processes import find_program

__all__ = ["ask", "types_of", "version"]

# Chromium's own reconnection time lies between, in seconds: it is 3.
_DEFAULT, _LATER = 2.5, 4.0

# In seconds.
_PATIENCE = 120.0

_LINE_ENDS = re.compile("\r\n|\r|\n")


async def ask(reactor: Any, streams: Sequence[Stream]) -> list[Answer]:
    """
    Let Chromium have all streams, and wait until it has come back to those whose `returns` is
    true.

    Returns:
        An answer for each, in the same order.

    Raises:
        AssertionError: Chromium is not there, or does not come back.
    """
    served = Streams([stream.content for stream in streams], reactor)
    factory = WrappingFactory(Site(page(served)))
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    try:
        url = f"http://127.0.0.1:{port.getHost().port}/page.html"
        heard = await deferToThread(_drive, url, streams)
    finally:
        await port.stopListening()
        await _part(reactor, factory)
    return [
        _answer(stream, told, served.returns.get(number))
        for number, (stream, told) in enumerate(zip(streams, heard, strict=True))
    ]


def types_of(streams: Sequence[Stream]) -> list[str]:
    """
    All event types that a browser could read from *streams*, and more: whatever follows a colon,
    with and without spaces.
    """
    found = {"message"}
    for stream in streams:
        for line in _LINE_ENDS.split(stream.content.decode("utf-8", "replace")):
            value = line.partition(":")[2]
            found |= {value, value[1:], value.strip()}
    return sorted(found - {""})


def version() -> str:
    """
    Such as "Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)".
    """
    program = find_program("chromium", "chromium")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _drive(url: str, streams: Sequence[Stream]) -> Any:
    """
    In a thread: wait for the browser, while the reactor serves it.
    """
    expected = sum(stream.returns for stream in streams)
    browser: Browser = Chromium()
    try:
        browser.open(url)
        browser.run("listen(...arguments)", len(streams), types_of(streams), PROBE)
        enough = f"window.returned >= {expected}"
        eventually_in(browser, enough, "Chromium has not come back to every stream", _PATIENCE)
        return browser.run("return window.answers")
    finally:
        browser.close()


async def _part(reactor: Any, factory: WrappingFactory[ProtocolWrapper]) -> None:
    """
    Leave no connection behind.
    """
    for wrapper in list(factory.protocols):
        wrapper.transport.abortConnection()
    while factory.protocols:
        turn: Deferred[None] = Deferred()
        reactor.callLater(0, turn.callback, None)
        await turn


def _answer(stream: Stream, told: dict[str, Any], came: Return | None) -> Answer:
    header = None if came is None else came.header
    return Answer(stream.name, told["events"], told["last_event_id"], header, _returns(came))


def _returns(came: Return | None) -> str:
    if came is None or came.after >= _LATER:
        return "later"
    return "sooner" if came.after < _DEFAULT else "default"


async def _main(reactor: Any) -> None:
    streams = read_corpus()
    answers = await ask(reactor, streams)
    about = {
        "about": "What Chromium made of the streams in corpus.json, recorded by"
        " tests/conformance/record.py. An event is its type, its data and its lastEventId.",
        "browser": version(),
    }
    ANSWERS.write_text(lines_of(about, "answers", (one._asdict() for one in answers)), "ascii")
    sys.stdout.write(f"{len(answers)} answers of {about['browser']}\n")


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(_main(reactor)))
