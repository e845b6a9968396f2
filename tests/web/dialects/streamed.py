"""
What the tests of dialects share: sources in a dialect, on a clock.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Answer, call
from twisted_sse import EventSourceResponse, Hub
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.dialects import Dialect
from twisted_sse.web.generators.source import Item, Source

__all__ = ["DialectTestCase", "Run", "failing", "objects", "waiting"]


class Run:
    """
    A run, as `ReadRun` has it.
    """

    def __init__(self, name: str = "run-1", state: str = "running") -> None:
        self.name = name
        self.state = state
        self.begun = 1000.5


def failing(*items: Item) -> Iterator[Item]:
    """
    Yield *items*, and fail.
    """
    yield from items
    raise KeyError("a secret")


async def waiting(*items: Item) -> AsyncIterator[Item]:
    """
    Yield *items*, and wait forever.
    """
    for item in items:
        yield item
    await Deferred()


class DialectTestCase(SynchronousTestCase):
    """
    Has a hub on a clock.
    """

    def setUp(self) -> None:
        """
        Make the hub.
        """
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)

    def ask(
        self,
        dialect: Dialect,
        source: Source,
        method: str = "POST",
        target: str = "/",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """
        Ask for *source* in *dialect*, and return the whole answer.
        """
        response = EventSourceResponse(
            source, dialect=dialect, hub=self.hub, methods=["GET", "POST"]
        )
        caller = call(StreamSite(response, reactor=self.clock), method, target, headers or {})
        self.clock.advance(0)
        return caller.answer

    def failed(self, dialect: Dialect, *items: Item) -> Answer:
        """
        The answer of a source that yields *items* and fails, which the log tells.
        """
        answer = self.ask(dialect, failing(*items))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        return answer

    def cancelled(self, dialect: Dialect, *items: Item) -> Answer:
        """
        The answer of a source that yields *items*, and whose stream is closed.
        """
        response = EventSourceResponse(lambda: waiting(*items), dialect=dialect, hub=self.hub)
        caller = call(StreamSite(response, reactor=self.clock), "GET", "/")
        self.clock.advance(0)
        for stream in self.hub.responses:
            stream.close()
        return caller.answer

    def interrupted(self, dialect: Dialect, *items: Item) -> Answer:
        """
        The answer of a source that yields *items*, and is cut because the server stops.
        """
        response = EventSourceResponse(lambda: waiting(*items), dialect=dialect, clock=self.clock)
        caller = call(StreamSite(response, reactor=self.clock), "GET", "/")
        self.clock.advance(0)
        response.drain(0)
        self.clock.advance(0)
        return caller.answer


def objects(events: list[ServerSentEvent]) -> list[Any]:
    """
    The JSON of *events*.
    """
    return [event.json() for event in events]
