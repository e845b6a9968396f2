"""
Record what Chromium dispatches for the corpus: `python -m tests.conformance.record`.

This takes about ten seconds, mostly because of the reconnection time of three seconds.
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

# Chromium's default reconnection time of 3 seconds lies between these, in seconds.
_DEFAULT, _LATER = 2.5, 4.0

# The timeout for all reconnections, in seconds.
_TIMEOUT = 120.0

_LINE_ENDS = re.compile("\r\n|\r|\n")


async def ask(reactor: Any, streams: Sequence[Stream]) -> list[Answer]:
    """
    Open all streams in Chromium, and wait until it has reconnected to those whose `returns` is
    true.

    Returns:
        An answer for each, in the same order.

    Raises:
        AssertionError: Chromium is not installed, or does not reconnect.
    """
    served = Streams([stream.content for stream in streams], reactor)
    factory = WrappingFactory(Site(page(served)))
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    try:
        url = f"http://127.0.0.1:{port.getHost().port}/page.html"
        page_answers = await deferToThread(_drive, url, streams)
    finally:
        await port.stopListening()
        await _abort_connections(reactor, factory)
    return [
        _answer(stream, page_answer, served.returns.get(number))
        for number, (stream, page_answer) in enumerate(zip(streams, page_answers, strict=True))
    ]


def types_of(streams: Sequence[Stream]) -> list[str]:
    """
    Return at least all event types that a browser could read from *streams*: everything after a
    colon, with and without spaces.
    """
    found = {"message"}
    for stream in streams:
        for line in _LINE_ENDS.split(stream.content.decode("utf-8", "replace")):
            value = line.partition(":")[2]
            found |= {value, value[1:], value.strip()}
    return sorted(found - {""})


def version() -> str:
    """
    Return a version such as "Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)".
    """
    program = find_program("chromium", "chromium")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _drive(url: str, streams: Sequence[Stream]) -> Any:
    """
    Run the browser; called in a thread, while the reactor serves the streams.
    """
    expected = sum(stream.returns for stream in streams)
    browser: Browser = Chromium()
    try:
        browser.open(url)
        browser.run("listen(...arguments)", len(streams), types_of(streams), PROBE)
        condition = f"window.returned >= {expected}"
        eventually_in(browser, condition, "Chromium has not reconnected to every stream", _TIMEOUT)
        return browser.run("return window.answers")
    finally:
        browser.close()


async def _abort_connections(reactor: Any, factory: WrappingFactory[ProtocolWrapper]) -> None:
    """
    Abort all connections, and wait until they are closed.
    """
    for wrapper in list(factory.protocols):
        wrapper.transport.abortConnection()
    while factory.protocols:
        turn: Deferred[None] = Deferred()
        reactor.callLater(0, turn.callback, None)
        await turn


def _answer(stream: Stream, page_answer: dict[str, Any], returned: Return | None) -> Answer:
    header = None if returned is None else returned.header
    return Answer(
        stream.name, page_answer["events"], page_answer["last_event_id"], header, _returns(returned)
    )


def _returns(returned: Return | None) -> str:
    if returned is None or returned.after >= _LATER:
        return "later"
    return "sooner" if returned.after < _DEFAULT else "default"


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
