"""
What the log says of sources that block the reactor, or await asyncio without its reactor.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import call
from twisted_sse import EventSourceResponse, Hub
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.generators.source import Item, Source

__all__ = ["AsyncioTests", "HeldTests"]


def said(hub: Hub, clock: Clock, source: Source, times: int = 1) -> list[str]:
    """
    The lines that are logged while *source* is streamed *times* times, by responses of
    their own.
    """
    with capturedLogs() as events:
        for _ in range(times):
            site = StreamSite(EventSourceResponse(source, hub=hub), reactor=clock)
            caller = call(site, "GET", "/")
            clock.advance(0)
            caller.leave()
    return [formatEvent(event) for event in events if event["log_level"] >= LogLevel.warn]


async def within(seconds: float) -> None:
    """
    Use a time-out of asyncio.
    """
    async with asyncio.timeout(seconds):
        await succeed(None)


class HeldTests(SynchronousTestCase):
    """
    Sources that hold the reactor.
    """

    def setUp(self) -> None:
        """
        A hub on a clock.
        """
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)

    def block(self, seconds: float) -> None:
        """
        Do what a blocking call does to the clock.
        """
        self.clock.rightNow += seconds

    def test_plain(self) -> None:
        """
        A plain generator that blocks for half a second is named, with the way out.
        """

        def plain() -> Iterator[Item]:
            self.block(0.5)
            yield "x"

        (line,) = said(self.hub, self.clock, plain)

        self.assertIn(f"The source {plain.__qualname__} held the reactor for 0.5 s", line)
        self.assertIn("thread=True", line)

    def test_async(self) -> None:
        """
        So is an async generator that blocks after an await, although it waits again.
        """
        waiting: Deferred[None] = Deferred()

        async def later() -> AsyncIterator[Item]:
            await succeed(None)
            yield "x"
            self.block(2)
            await waiting

        (line,) = said(self.hub, self.clock, later)

        self.assertIn(f"The source {later.__qualname__} held the reactor for 2.0 s", line)

    def test_once(self) -> None:
        """
        A hub names a source once, whichever of its responses streams it.
        """

        def plain() -> Iterator[Item]:
            for _ in range(3):
                self.block(1)
                yield "x"

        self.assertEqual(len(said(self.hub, self.clock, plain, 3)), 1)

    def test_fast(self) -> None:
        """
        A source that holds the reactor for less is not named, and nor is one that waits.
        """

        def plain() -> Iterator[Item]:
            self.block(0.4)
            yield "x"

        async def waits() -> AsyncIterator[Item]:
            self.clock.callLater(0, waiting.callback, None)
            await waiting
            yield "x"

        waiting: Deferred[None] = Deferred()
        self.assertEqual(said(self.hub, self.clock, plain), [])
        self.assertEqual(said(self.hub, self.clock, waits), [])


class AsyncioTests(SynchronousTestCase):
    """
    Sources that await asyncio while another reactor runs.
    """

    def test_named(self) -> None:
        """
        Whatever they await, the log says what to install.
        """
        awaits: list[Callable[[], Awaitable[Any]]] = [
            lambda: asyncio.sleep(1),
            lambda: asyncio.Event().wait(),
            lambda: asyncio.Queue[int]().get(),
            lambda: asyncio.to_thread(int),
            lambda: within(1.0),
        ]
        for wait in awaits:
            self.assert_explained(wait, in_finally=False)
            self.assert_explained(wait, in_finally=True)

    def test_other_errors(self) -> None:
        """
        Other errors of a source are not explained.
        """

        async def source() -> AsyncIterator[Item]:
            yield "x"
            raise RuntimeError("no loop in this knitting pattern")

        clock = Clock()
        lines = said(Hub(reactor=clock), clock, source)
        self.flushLoggedErrors(RuntimeError)

        self.assertFalse([line for line in lines if "asyncioreactor" in line])

    def assert_explained(self, wait: Callable[[], Awaitable[Any]], *, in_finally: bool) -> None:
        """
        Assert that the error is explained, also if the reader left before.
        """

        async def source() -> AsyncIterator[Item]:
            try:
                yield "x"
                if in_finally:
                    await Deferred()
            finally:
                await wait()

        clock = Clock()
        lines = said(Hub(reactor=clock), clock, source)
        self.flushLoggedErrors(RuntimeError, AttributeError)

        self.assertEqual(len([line for line in lines if "asyncioreactor.install()" in line]), 1)
