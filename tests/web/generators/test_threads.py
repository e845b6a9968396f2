"""
Plain generators that block, in the threads of the real reactor's pool.
"""

import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.support.http import Caller, call
from tests.support.waiting import PATIENCE
from twisted_sse import EndReason, EventSourceResponse, Hub, ResponseStream
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.generators.source import Item, Source

__all__ = ["ArgumentTests", "ThreadTests"]

reactor: Any = global_reactor


class ThreadTests(TestCase):
    """
    Responses with ``thread=True``.
    """

    timeout = PATIENCE

    def setUp(self) -> None:
        """
        A hub on the real reactor.
        """
        self.hub = Hub(keepalive=None)
        self.addCleanup(self.hub.service(grace=0, spread=0).stopService)
        self.said: list[object] = []

    def call(self, source: Source, **options: Any) -> Caller:
        """
        Ask for *source*.
        """
        response = EventSourceResponse(
            source, thread=True, hub=self.hub, keepalive=None, send_timeout=None, **options
        )
        # The time-outs of the site are no subject here.
        return call(StreamSite(response, reactor=Clock()), "GET", "/")

    async def until_ended(self) -> None:
        """
        Wait until every source is closed.
        """
        while len(self.hub.responses):
            await deferLater(reactor, 0)

    async def test_items(self) -> None:
        """
        Items are made in other threads, one at a time, and arrive in order.
        """

        def source() -> Iterator[Item]:
            for number in range(100):
                self.said.append(threading.current_thread())
                yield str(number)

        caller = self.call(source)
        await self.until_ended()

        self.assertEqual([event.data for event in caller.answer.events], [*map(str, range(100))])
        self.assertNotIn(threading.current_thread(), self.said)
        self.assertTrue(caller.answer.ended)

    async def test_blocks(self) -> None:
        """
        While a source blocks, the reactor runs.
        """
        proceed = threading.Event()

        def source() -> Iterator[Item]:
            yield "before"
            proceed.wait(PATIENCE)
            yield "after"

        caller = self.call(source)
        while b"before" not in caller.transport.value():
            await deferLater(reactor, 0)
        proceed.set()
        await self.until_ended()

        self.assertEqual([event.data for event in caller.answer.events], ["before", "after"])

    async def test_slow_reader(self) -> None:
        """
        A source is not asked while the transport is full.
        """

        def source() -> Iterator[Item]:
            for number in range(3):
                self.said.append(number)
                yield "x"

        caller = self.call(source)
        caller.stop_reading()
        for _ in range(20):
            await deferLater(reactor, 0.001)
        before = list(self.said)
        caller.read_on()
        await self.until_ended()

        self.assertEqual((before, self.said), ([], [0, 1, 2]))

    async def test_reader_leaves(self) -> None:
        """
        A call that blocks is waited for, and then the source is closed in a thread.
        """
        blocked, proceed = threading.Event(), threading.Event()

        def source(stream: ResponseStream) -> Iterator[Item]:
            try:
                blocked.set()
                proceed.wait(PATIENCE)
                yield "x"
                self.said.append("asked again")
            finally:
                self.said += [stream.reason, threading.current_thread() is main]

        main = threading.current_thread()
        caller = self.call(source)
        while not blocked.is_set():
            await deferLater(reactor, 0)
        caller.leave()
        open_before = len(self.hub.responses)
        proceed.set()
        await self.until_ended()

        self.assertEqual((open_before, self.said), (1, [EndReason.GONE, False]))

    async def test_fails(self) -> None:
        """
        A failure is logged, and the stream ends with the error event.
        """

        def source() -> Iterator[Item]:
            yield "x"
            raise KeyError("secret")

        caller = self.call(source, error=True)
        await self.until_ended()

        self.assertEqual([event.event for event in caller.answer.events], [None, "stream-error"])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    async def test_fails_without_an_event(self) -> None:
        """
        Without *error*, the stream breaks off.
        """

        def source() -> Iterator[Item]:
            yield "x"
            raise KeyError("secret")

        caller = self.call(source)
        await self.until_ended()

        self.assertEqual((caller.answer.body, caller.answer.ended), (b"data: x\n\n", False))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    async def test_fails_after_the_end(self) -> None:
        """
        A failure after the reader has left is logged too.
        """
        blocked, proceed = threading.Event(), threading.Event()

        def source() -> Iterator[Item]:
            blocked.set()
            proceed.wait(PATIENCE)
            yield from [{}["x"]]

        caller = self.call(source)
        while not blocked.is_set():
            await deferLater(reactor, 0)
        caller.leave()
        proceed.set()
        await self.until_ended()

        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    async def test_context(self) -> None:
        """
        A context variable that a source sets is there at its next item.
        """
        variable: ContextVar[str] = ContextVar("variable", default="outside")

        def source() -> Iterator[Item]:
            variable.set("inside")
            yield variable.get()
            yield variable.get()

        caller = self.call(source)
        await self.until_ended()

        self.assertEqual([event.data for event in caller.answer.events], ["inside", "inside"])
        self.assertEqual(variable.get(), "outside")

    async def test_drained(self) -> None:
        """
        A source sees that the server stops, and ends in good order.
        """

        def source(stream: ResponseStream) -> Iterator[Item]:
            while stream.reason is None:
                yield "x"
            yield "last"

        caller = self.call(source)
        while not caller.transport.value().endswith(b"x\n\n\r\n"):
            await deferLater(reactor, 0)
        await self.hub.service(spread=0).stopService()

        self.assertEqual(caller.answer.events[-1].data, "last")
        self.assertTrue(caller.answer.ended)


class ArgumentTests(SynchronousTestCase):
    """
    The argument *thread*.
    """

    async def later(self) -> AsyncIterator[Item]:
        """
        An async generator.
        """
        yield await Deferred()

    def test_refused(self) -> None:
        """
        Asynchronous sources, and what is not a bool, are errors when the response is made.
        """
        wrong: list[tuple[Any, Any, str]] = [
            (self.later, True, "leave out thread=True"),
            (self.later(), True, "leave out thread=True"),
            ([], "yes", "give True or False"),
            ([], None, "give True or False"),
        ]
        for source, thread, sentence in wrong:
            error = self.assertRaises(TypeError, EventSourceResponse, source, thread=thread)

            self.assertIn(sentence, str(error))

    def test_refused_later(self) -> None:
        """
        If a function returns an async generator, the request is answered with 500.
        """
        response = EventSourceResponse(lambda: self.later(), thread=True, clock=Clock())
        answer = call(StreamSite(response, reactor=Clock()), "GET", "/").answer

        self.assertEqual(answer.status, 500)
        (logged,) = self.flushLoggedErrors(TypeError)
        self.assertIn("leave out thread=True", str(logged.value))
