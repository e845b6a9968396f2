"""
A stream as its source sees it: why it ends, and how the application finds it.
"""

from collections.abc import AsyncIterator, Callable, Iterator

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Caller, H2Caller, call
from twisted_sse import EndReason, EventSourceResponse, Hub, ResponseStream, ServerSentEvent
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.generators.source import Item, Source

__all__ = ["FindingTests", "ReasonTests"]


class Served:
    """
    A hub, and a response of the hub, on a clock.

    Attributes:
        reasons: What the streams gave as their reasons in ``finally``.
    """

    def __init__(self, source: Source | None = None) -> None:
        self.clock = Clock()
        self.reasons: list[EndReason | None] = []
        self.proceed: Deferred[None] = Deferred()
        self.hub = Hub(reactor=self.clock)
        response = EventSourceResponse(source or self.source, hub=self.hub, send_timeout=10)
        self.site = StreamSite(response, reactor=self.clock)

    def call(self) -> Caller:
        """
        Ask for the stream, and let it begin.
        """
        caller = call(self.site, "GET", "/")
        self.clock.advance(0)
        return caller

    async def source(self, stream: ResponseStream) -> AsyncIterator[Item]:
        """
        Wait, and record the reason of the end.
        """
        try:
            yield "x"
            await self.proceed
        finally:
            self.reasons.append(stream.reason)

    def stop(self) -> None:
        """
        Stop the hub, and let the grace pass.
        """
        self.hub.service(grace=5, spread=0).stopService()
        self.clock.pump([0.1] * 60)


class ReasonTests(SynchronousTestCase):
    """
    `ResponseStream.reason` in the source's ``finally``, and afterward.
    """

    def outcome(self, act: Callable[[Served, Caller], object]) -> list[EndReason | None]:
        """
        The reason in ``finally``, and after it, if *act* ends the stream.
        """
        served = Served()
        caller = served.call()
        (stream,) = served.hub.responses
        self.assertIsNone(stream.reason)
        act(served, caller)
        self.assertEqual((len(served.hub.responses), stream.closed), (0, True))
        return [*served.reasons, stream.reason]

    def test_left(self) -> None:
        """
        The reader left.
        """
        self.assertEqual(self.outcome(lambda _, caller: caller.leave()), [EndReason.GONE] * 2)

    def test_reset(self) -> None:
        """
        The reader reset its HTTP/2 stream.
        """
        served = Served()
        caller = H2Caller(served.site, served.clock)
        caller.cancel(caller.ask("GET", "/"))

        self.assertEqual(served.reasons, [EndReason.GONE])

    def test_stuck(self) -> None:
        """
        The reader took nothing for the send time-out.
        """

        def stick(served: Served, caller: Caller) -> None:
            caller.stop_reading()
            served.clock.pump([1.0] * 15)

        self.assertEqual(self.outcome(stick), [EndReason.SEND_TIMEOUT] * 2)

    def test_drained(self) -> None:
        """
        The server stopped, and the source did not end by itself.
        """
        self.assertEqual(self.outcome(lambda served, _: served.stop()), [EndReason.DRAINED] * 2)

    def test_told(self) -> None:
        """
        The reason is there as soon as the source is told to end.
        """

        def source(stream: ResponseStream) -> Iterator[Item]:
            while stream.reason is None:
                yield "x" * 10000
            yield f"at the end: {stream.reason.value}"

        served = Served(source)
        caller = call(served.site, "GET", "/")
        caller.stop_reading()
        served.clock.advance(0)
        served.hub.service().stopService()
        served.clock.advance(0)
        caller.read_on()
        served.clock.advance(0)

        self.assertEqual([event.data for event in caller.answer.events], ["at the end: drained"])
        self.assertTrue(caller.answer.ended)

    def test_closed(self) -> None:
        """
        The application closed the stream.
        """

        def close(served: Served, caller: Caller) -> None:
            for stream in served.hub.responses:
                stream.close(ServerSentEvent(event="bye", data=""))
            self.assertEqual(caller.answer.body, b"data: x\n\nevent: bye\ndata: \n\n")
            self.assertTrue(caller.answer.ended)

        self.assertEqual(self.outcome(close), [EndReason.CLOSED] * 2)

    def test_ended(self) -> None:
        """
        The source ended by itself: ``finally`` knows no reason, and later it is CLOSED.
        """
        outcome = self.outcome(lambda served, _: served.proceed.callback(None))

        self.assertEqual(outcome, [None, EndReason.CLOSED])

    def test_failed(self) -> None:
        """
        The source failed: ``finally`` knows no reason, and later it is FAILED.
        """
        outcome = self.outcome(lambda served, _: served.proceed.errback(KeyError("x")))

        self.assertEqual(outcome, [None, EndReason.FAILED])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_first_counts(self) -> None:
        """
        A stop of the server does not change the reason of a stream whose reader has left.
        """
        hold: Deferred[None] = Deferred()

        async def source(stream: ResponseStream) -> AsyncIterator[Item]:
            try:
                yield "x"
                await Deferred()
            finally:
                await hold
                reasons.append(stream.reason)

        reasons: list[EndReason | None] = []
        served = Served(source)
        served.call().leave()
        served.stop()
        hold.callback(None)

        self.assertEqual(reasons, [EndReason.GONE])

    def test_by_the_source(self) -> None:
        """
        A source may close its own stream, even before it begins.
        """

        def during(stream: ResponseStream) -> Iterator[Item]:
            yield "x"
            stream.close()
            yield "y"

        def before(stream: ResponseStream) -> list[Item]:
            stream.close()
            return ["x"]

        for source, body in ((during, b"data: x\n\n"), (before, b"")):
            served = Served(source)
            answer = served.call().answer
            served.clock.advance(1)

            self.assertEqual((answer.body, answer.ended), (body, True))
            self.assertEqual(len(served.hub.responses), 0)


class FindingTests(SynchronousTestCase):
    """
    The streams of a hub.
    """

    def test_state(self) -> None:
        """
        The application finds a stream by what its source function noted, and closes it.
        """

        async def source(stream: ResponseStream, last_event_id: str) -> AsyncIterator[Item]:
            stream.state["user"] = last_event_id
            yield "x"
            await Deferred()

        served = Served(source)
        callers = []
        for user in ("ann", "bob", "ann"):
            callers.append(call(served.site, "GET", "/", {"Last-Event-ID": user}))
        served.clock.advance(0)
        for stream in served.hub.responses:
            if stream.state["user"] == "ann":
                stream.close()

        self.assertEqual([caller.answer.ended for caller in callers], [True, False, True])
        self.assertEqual([stream.state for stream in served.hub.responses], [{"user": "bob"}])

    def test_closed_twice(self) -> None:
        """
        A stream that has ended stays as it is.
        """
        served = Served()
        caller = served.call()
        (stream,) = served.hub.responses
        caller.leave()
        stream.close()

        self.assertEqual(stream.reason, EndReason.GONE)
