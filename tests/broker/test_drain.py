"""
Everybody is let go, spread over time.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.clocks import CostlyClock
from tests.support.hubs import Subscriber
from twisted_sse import Hub
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.drain import drain
from twisted_sse.errors import HubClosed
from twisted_sse.events.event import MAX_RETRY, ServerSentEvent

__all__ = ["DrainTests", "SlowReaderTests"]


class Emptying:
    """
    A hub that is about to stop.
    """

    def __init__(self, count: int, **options: Any) -> None:
        self.clock = CostlyClock()
        self.hub = Hub(reactor=self.clock, keepalive=None, **options)
        self.members = [Subscriber(self.hub, "a") for _ in range(count)]
        self.clock.advance(0)

    def drain(
        self, grace: float = 5.0, spread: float = 10.0, farewell: ServerSentEvent | None = None
    ) -> Deferred[None]:
        """
        Let everybody go.
        """
        return Deferred.fromCoroutine(
            drain(self.hub.broker, self.hub.responses, grace, spread, farewell)
        )

    def last(self) -> list[ServerSentEvent]:
        """
        The last block of each.
        """
        return [one.sink.blocks[-1] for one in self.members]


class DrainTests(SynchronousTestCase):
    """
    Readers that read.
    """

    def test_nobody(self) -> None:
        """
        Where nobody is there is nothing to wait for, and nobody is taken in any more.
        """
        room = Emptying(0)
        drained = room.drain()
        room.clock.advance(0)

        self.successResultOf(drained)
        self.assertTrue(room.hub.broker.closed)
        self.assertEqual(room.clock.getDelayedCalls(), [])

    def test_refuses(self) -> None:
        """
        From its first moment on newcomers and publications are refused.
        """
        room = Emptying(1)
        room.drain()

        self.assertRaises(HubClosed, Subscriber, room.hub, "a")
        self.failureResultOf(room.hub.publish("a", "1"), HubClosed)

    def test_spread(self) -> None:
        """
        Each is told a reconnection time of its own, all over the spread and not beyond it.
        """
        room = Emptying(200, retry=3000)
        room.drain(spread=10.0)
        retries = [one.retry or 0 for one in room.last()]

        self.assertGreaterEqual(min(retries), 3000)
        self.assertLessEqual(max(retries), 13_000)
        # 200 throws of a fair die: that all miss a quarter happens once in 10**25.
        quarters = {(retry - 3000) // 2500 for retry in retries}
        self.assertLessEqual({0, 1, 2, 3}, quarters)
        self.assertGreater(len(set(retries)), 150)

    def test_no_retry(self) -> None:
        """
        A hub without a reconnection time of its own still spreads.
        """
        room = Emptying(50, retry=None)
        room.drain(spread=1.0)
        retries = [one.retry for one in room.last()]

        self.assertTrue(all(one is not None and 0 <= one <= 1000 for one in retries))

    def test_highest_retry(self) -> None:
        """
        The longest reconnection time there is stays one.
        """
        room = Emptying(3, retry=MAX_RETRY)
        room.drain(spread=10.0)

        self.assertEqual([one.retry for one in room.last()], [MAX_RETRY] * 3)

    def test_farewell(self) -> None:
        """
        The farewell event is the last of every stream, and has the reconnection time.
        """
        room = Emptying(3)
        room.drain(farewell=ServerSentEvent("bye", event="end", retry=1))

        self.assertEqual([(one.data, one.event) for one in room.last()], [("bye", "end")] * 3)
        self.assertTrue(all((one.retry or 0) >= 3000 for one in room.last()))

    def test_good_order(self) -> None:
        """
        Every response ends, every connection is let go, for the reason that tells why.
        """
        room = Emptying(3)
        done = room.drain()
        room.clock.pump([0.1] * 10)

        self.successResultOf(done)
        self.assertTrue(all(one.sink.finished and not one.sink.aborted for one in room.members))
        self.assertEqual({one.connection.ended for one in room.members}, {EndReason.DRAINED})
        self.assertEqual(len(room.hub.connections), 0)

    def test_slices(self) -> None:
        """
        200 are let go in one turn.
        """
        room = Emptying(450)
        room.drain()
        left = [len(room.hub.connections)]
        for _ in range(2):
            room.clock.advance(0)
            left.append(len(room.hub.connections))

        self.assertEqual(left, [250, 50, 0])

    def test_some_leave_meanwhile(self) -> None:
        """
        Who leaves before its turn comes is not told anything.
        """
        room = Emptying(201)
        room.drain()
        room.members[200].leave()
        before = room.members[200].sink.received
        room.clock.pump([0.1] * 10)

        self.assertEqual(room.members[200].sink.received, before)
        self.assertEqual(room.members[200].connection.ended, EndReason.GONE)

    def test_settles(self) -> None:
        """
        What was written last is given a moment to leave the process.
        """
        room = Emptying(1)
        done = room.drain()
        room.clock.advance(0)
        self.assertNoResult(done)
        room.clock.advance(0.2)

        self.successResultOf(done)
        self.assertEqual(room.clock.getDelayedCalls(), [])


class SlowReaderTests(SynchronousTestCase):
    """
    Readers that have something on its way.
    """

    def _room(self) -> Emptying:
        room = Emptying(2)
        room.members[0].sink.room = 4
        room.hub.publish("a", "1")
        room.clock.advance(0)
        return room

    def test_waited_for(self) -> None:
        """
        A slow reader gets what was on its way, its farewell, and a proper end.
        """
        room = self._room()
        done = room.drain(farewell=ServerSentEvent("bye"))
        room.clock.pump([0.1] * 20)
        self.assertNoResult(done)
        self.assertEqual(len(room.hub.connections), 1)
        room.members[0].sink.make_room(1 << 20)
        room.clock.pump([0.1] * 5)

        self.successResultOf(done)
        self.assertEqual(room.members[0].data, ["1", "bye"])
        self.assertTrue(room.members[0].sink.finished)

    def test_cut(self) -> None:
        """
        A reader that does not read is cut when the grace is over, not before.
        """
        room = self._room()
        done = room.drain(grace=5.0)
        room.clock.pump([0.1] * 49)
        self.assertFalse(room.members[0].sink.aborted)
        room.clock.pump([0.1] * 3)
        self.assertTrue(room.members[0].sink.aborted)
        self.assertEqual(room.members[0].connection.ended, EndReason.DRAINED)
        self.assertNoResult(done)
        room.clock.pump([0.1] * 3)

        self.successResultOf(done)
        self.assertEqual(len(room.hub.connections), 0)

    def test_leaves_meanwhile(self) -> None:
        """
        When the slow reader leaves by itself, nobody waits any longer.
        """
        room = self._room()
        done = room.drain(grace=60.0)
        room.clock.pump([0.1] * 5)
        room.members[0].leave()
        room.clock.pump([0.1] * 5)

        self.successResultOf(done)
        self.assertFalse(room.members[0].sink.aborted)

    def test_one_that_breaks(self) -> None:
        """
        A stream that cannot even be ended does not keep the others from their farewell.
        """
        room = Emptying(3)
        broken = room.members[0].sink

        def finish() -> None:
            raise KeyError(11)

        broken.finish = finish  # type: ignore[method-assign]
        done = room.drain(farewell=ServerSentEvent("bye"))
        done.addErrback(lambda failure: None)
        room.clock.pump([0.1] * 60)
        self.flushLoggedErrors(KeyError)

        self.assertEqual([one.data for one in room.members[1:]], [["bye"], ["bye"]])
        self.assertEqual(len(room.hub.connections), 0)

    def test_not_begun(self) -> None:
        """
        Who has not begun is let go without a word.
        """
        room = Emptying(0)
        room.members = [Subscriber(room.hub, "a", last_event_id="x")]
        room.drain()
        room.clock.pump([0.1] * 5)

        self.assertEqual(len(room.hub.connections), 0)
