"""
The client: memory after many reconnections.
"""

import gc
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.client.memory import MemoryServer
from twisted_sse.client import Backoff

__all__ = ["LeakTests"]

_MANY = 10_000

# Reconnections until caches are full, such as that of the newest log lines.
_WARM = 400

# The interpreter itself keeps far less than one object for every reconnection.
_FEW = 100


def _census() -> Counter[str]:
    gc.collect()
    return Counter(type(one).__name__ for one in gc.get_objects())


class LeakTests(SynchronousTestCase):
    """
    A consumer that stays while the server restarts again and again.
    """

    def setUp(self) -> None:
        """
        Start reading.
        """
        self.server = MemoryServer()
        self.seen = 0
        source = self.server.source(backoff=Backoff(factor=1.0))
        source.run(self.count)
        self.addCleanup(source.close)

    def count(self, event: object) -> None:
        """
        Count an event, without keeping it.
        """
        self.seen += 1

    def live_and_die(self, times: int) -> None:
        """
        Open and lose streams, and let attempts fail.
        """
        for number in range(times):
            exchange = self.server.newest
            self.server.exchanges.clear()
            self.server.places.clear()
            if number % 4 == 3:
                exchange.answer("503 Later")
                exchange.end()
            else:
                exchange.answer()
                exchange.send(b"id: 1\ndata: a\n\ndata: half")
                exchange.cut() if number % 2 else exchange.end()
            self.assertTrue(exchange.lost)
            self.server.clock.advance(2.0)

    def test_many(self) -> None:
        """
        Ten thousand reconnections leave no more objects than before.
        """
        self.live_and_die(_WARM)
        before = _census()

        self.live_and_die(_MANY)

        grown = {name: count for name, count in (_census() - before).items() if count > _FEW}
        self.assertEqual(grown, {})
        self.assertEqual(self.seen, (_WARM + _MANY) * 3 // 4)
        self.assertEqual(len(self.server.clock.getDelayedCalls()), 1)
