"""
The history of an edge fulfills the contract of shared histories.
"""

from typing import Any

from twisted.trial.unittest import TestCase

from tests.support.upstreams import Upstream
from twisted_sse import MemoryHistory
from twisted_sse.history.upstream.history import UpstreamHistory
from twisted_sse.testing import SharedHistoryProviderContract

__all__ = ["EdgeContractTests", "EdgeOfEdgeContractTests"]


class _EdgeContract(SharedHistoryProviderContract):
    """
    Each test has an upstream of its own; those that interrupt it close its port.
    """

    durable = True
    interruptible = True
    lifetime = 1.0

    async def make_history(self, **bounds: float) -> UpstreamHistory:
        """
        See `SharedHistoryProviderContract.make_history`.
        """
        self.upstream = Upstream(self.make_store(**bounds))
        self.upstream.start()
        self.addCleanup(self.upstream.stop)
        return self.reopen(None)

    def make_store(self, **bounds: Any) -> Any:
        """
        Make the history of upstream.
        """
        return MemoryHistory(**bounds)

    def reopen(self, history: object) -> UpstreamHistory:
        """
        See `SharedHistoryProviderContract.reopen`.
        """
        return self.upstream.edge()

    second_hub = reopen

    async def interrupt(self, history: object) -> None:
        """
        See `SharedHistoryProviderContract.interrupt`.
        """
        await self.upstream.go_away()

    def resume(self, history: object) -> None:
        """
        See `SharedHistoryProviderContract.resume`.
        """
        self.upstream.come_back()


class EdgeContractTests(_EdgeContract, TestCase):
    """
    An edge of a hub that keeps its history in memory.
    """


class EdgeOfEdgeContractTests(_EdgeContract, TestCase):
    """
    An edge of an edge; the middle one becomes unavailable.
    """

    def make_store(self, **bounds: Any) -> UpstreamHistory:
        """
        See `_EdgeContract.make_store`.
        """
        root = Upstream(MemoryHistory(**bounds))
        root.start()
        self.addCleanup(root.stop)
        return root.edge()
