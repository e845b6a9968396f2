"""
Publications that follow each other closely leave together.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from tests.support.sinks import MemorySink
from twisted_sse.broker.gathering import GAP, Gathering
from twisted_sse.history import MemoryHistory

__all__ = ["GatheringTests", "HubTests"]

# How long it takes to send to all, in seconds.
SWEEP = 0.01


class GatheringTests(SynchronousTestCase):
    """
    `Gathering`, without a hub.
    """

    def swept(self, took: float) -> Gathering:
        """
        After a sweep that ended at 1.
        """
        gathering = Gathering()
        gathering.sends(1 - took)
        gathering.sends(1 - took / 2)
        gathering.sent(1)
        return gathering

    def test_first(self) -> None:
        """
        The first publication does not wait.
        """
        self.assertFalse(Gathering().begins(0))

    def test_closely(self) -> None:
        """
        One waits if it follows a long sweep closely.
        """
        for took, after, expected in (
            (0.01, 0.002, True),
            (0.01, 0.003, False),
            (0.001, 0, False),
            (0.1, 0.02, True),
        ):
            with self.subTest(took=took, after=after):
                self.assertEqual(self.swept(took).begins(1 + after), expected)

    def test_how_long(self) -> None:
        """
        Together they wait for half as long as the sweep took.
        """
        gathering = self.swept(0.01)
        gathering.begins(1)

        self.assertTrue(gathering.goes_on(1.005 - 1.1 * GAP))
        self.assertFalse(gathering.goes_on(1.005 - 0.9 * GAP))

    def test_of_no_use(self) -> None:
        """
        If nothing followed, the next tries are rarer and rarer; one that pays ends that.
        """
        gathering = self.swept(0.01)
        tries = [number for number in range(400) if self.waits(gathering, 1)]
        self.assertEqual(tries[:6], [0, 2, 6, 14, 30, 62])
        self.assertEqual(tries[7] - tries[6], 64)

        while not self.waits(gathering, 2):
            pass

        self.assertTrue(gathering.pays)
        self.assertTrue(gathering.begins(1))

    def waits(self, gathering: Gathering, count: int) -> bool:
        """
        Whether a publication waits; then it is sent as one of *count*.
        """
        begins = gathering.begins(1)
        if begins:
            gathering.over(count)
        return begins

    def test_pays_no_more(self) -> None:
        """
        What comes later is not what the wait paid for.
        """
        gathering = self.swept(0.01)
        gathering.begins(1)
        gathering.over(2)

        self.assertFalse(gathering.begins(2))
        self.assertFalse(gathering.pays)


class SlowSink(MemorySink):
    """
    A sink that takes a while, as a thousand sockets do.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.sends = 0

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.
        """
        self.sends += 1
        self._clock.rightNow += SWEEP
        return super().send(payload)


class HubTests(SynchronousTestCase):
    """
    A hub that takes long to send.
    """

    def setUp(self) -> None:
        self.hub, self.clock = make_hub(MemoryHistory(), send_timeout=None)
        self.sink = SlowSink(self.clock)
        self.subscriber = Subscriber(self.hub, "a", sink=self.sink)
        self.clock.advance(0)
        self.told: list[Any] = []

    def publish(self, *data: str) -> None:
        """
        Publish each in a turn of its own.
        """
        for one in data:
            self.hub.publish("a", one).addCallback(self.told.append)
            self.clock.advance(0)

    def test_alone(self) -> None:
        """
        A publication after a while is sent at once.
        """
        self.publish("1")
        self.clock.advance(1)
        self.publish("2")

        self.assertEqual(self.subscriber.data, ["1", "2"])

    def test_together(self) -> None:
        """
        Those that follow closely are answered at once, and leave in one write.
        """
        self.publish("1")
        sends = self.sink.sends
        self.publish("2", "3", "4")
        told, data = len(self.told), self.subscriber.data
        self.clock.advance(2 * GAP)

        self.assertEqual((told, data), (4, ["1"]))
        self.assertEqual(self.subscriber.data, ["1", "2", "3", "4"])
        self.assertEqual(self.sink.sends, sends + 1)

    def test_bounded(self) -> None:
        """
        A publisher that never stops does not hold them back.
        """
        self.publish("0")
        for number in range(20):
            self.publish(str(number))
            self.clock.advance(0.9 * GAP)

        self.assertGreater(len(self.subscriber.data), 10)

    def test_drain(self) -> None:
        """
        A hub that stops sends what waits.
        """
        self.publish("1", "2")

        stopping = self.hub.service().stopService()
        for _ in range(10):
            self.clock.advance(0.1)

        self.successResultOf(stopping)
        self.assertEqual(self.subscriber.data, ["1", "2"])

    def test_stop(self) -> None:
        """
        A stopped hub leaves no delayed call.
        """
        self.publish("1", "2")

        self.hub.broker.stop()

        self.assertEqual(self.clock.getDelayedCalls(), [])
