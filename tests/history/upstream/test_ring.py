"""
Edges that follow themselves, directly or through others.
"""

from typing import Any

from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.support.ports import free_port
from tests.support.upstreams import TOKEN, Upstream
from tests.support.waiting import PATIENCE
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history import MemoryHistory
from twisted_sse.history.upstream.history import UpstreamHistory
from twisted_sse.history.upstream.ring import Ring

__all__ = ["NamesTests", "RingTests"]


class NamesTests(SynchronousTestCase):
    """
    What edges tell each other.
    """

    def test_chain(self) -> None:
        """
        A chain is none, however often they ask; an end that is joined to the beginning is.
        """
        first, second, third = Ring(), Ring(), Ring()
        for _ in range(3):
            self.assertFalse(second.follows(first.names))
            self.assertFalse(third.follows(second.names))
        self.assertTrue(first.follows(third.names))

    def test_itself(self) -> None:
        """
        An edge knows its own name.
        """
        ring = Ring()

        self.assertTrue(ring.follows(ring.names))

    def test_bounded(self) -> None:
        """
        A stranger can neither fill the memory nor the header.
        """
        ring = Ring()
        for _ in range(1000):
            ring.follows(Ring().names)
        for junk in ("", ",", "x" * 100_000, "\r\nX: y", ",".join(["0" * 16] * 10_000)):
            self.assertFalse(ring.follows(junk))

        self.assertLess(len(ring.names), 2000)


class RingTests(TestCase):
    """
    Hubs in a ring.
    """

    timeout = PATIENCE

    def make(self, *edges: UpstreamHistory) -> list[Upstream]:
        """
        Make a hub for each of *edges*, which is stopped after the test.
        """
        hubs = [Upstream(edge) for edge in edges]
        for hub in hubs:
            self.addCleanup(hub.stop)
        return hubs

    async def test_ring(self) -> None:
        """
        A ring is found, and said in the log and to publishers; a hub that is an edge of
        itself is the smallest one.
        """
        for count in (1, 2, 3):
            with self.subTest(count=count), capturedLogs() as logged:
                ports = [free_port() for _ in range(count)]
                urls = [f"http://127.0.0.1:{port}/events" for port in ports]
                edges = [
                    UpstreamHistory(urls[(one + 1) % count], token=TOKEN, timeout=1.0)
                    for one in range(count)
                ]
                hubs = self.make(*edges)
                for hub, port in zip(hubs, ports, strict=True):
                    hub.start(port)
                reasons = []
                for _ in range(count):
                    for hub in hubs:
                        asking: Any = hub.hub.publish("a", "x")
                        error = await self.assertFailure(asking, HistoryUnavailable)
                        reasons.append(str(error))
                for hub in hubs:
                    await hub.stop()

            self.assertIn("in a ring", "".join(reasons))
            errors = [
                formatEvent(one) or "" for one in logged if one["log_level"] == LogLevel.error
            ]
            self.assertIn("follows itself", "".join(errors))

    async def test_tree(self) -> None:
        """
        Many edges of one hub, and edges of those, are no ring.
        """
        root = Upstream(MemoryHistory())
        root.start()
        self.addCleanup(root.stop)
        hubs = self.make(root.edge(), root.edge())
        for hub in hubs:
            hub.start()
        leaves = self.make(*[hub.edge() for hub in hubs])
        for leaf in leaves:
            leaf.start()
            receipt = await leaf.hub.publish("a", "x")
            self.assertTrue(receipt.id)
