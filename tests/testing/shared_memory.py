"""
The contract for `SharedMemoryHistory` and its subclasses.
"""

import unittest
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.support.shared import SharedMemoryHistory, SharedStore
from twisted_sse.testing import SharedHistoryProviderContract

__all__ = ["SharedMemoryContract", "contract", "run"]


class SharedMemoryContract(SharedHistoryProviderContract):
    """
    The hooks of `SharedMemoryHistory`.
    """

    durable = True
    interruptible = True
    provider: type[SharedMemoryHistory] = SharedMemoryHistory

    def setUp(self) -> None:
        """
        Make a clock.
        """
        self.clock = Clock()

    def make_history(self, **bounds: Any) -> Any:
        """
        See `Hooks`.
        """
        return self.provider(SharedStore(self.clock, **bounds))

    def reopen(self, history: Any) -> Any:
        """
        See `Hooks`.
        """
        return self.provider(history.store)

    def second_hub(self, history: Any) -> Any:
        """
        See `Hooks`.
        """
        return self.provider(history.store)

    def interrupt(self, history: Any) -> Any:
        """
        See `Hooks`.
        """
        history.store.interrupt()

    def resume(self, history: Any) -> Any:
        """
        See `Hooks`.
        """
        history.store.resume()

    def pass_time(self, seconds: float) -> Any:
        """
        See `Hooks`.
        """
        self.clock.advance(seconds)


def contract(provider: type[SharedMemoryHistory], **stated: Any) -> type[TestCase]:
    """
    Make the contract for *provider*, as its author would write it.
    """
    # Most mistakes of `follow` are found by a timeout, so it is short.
    attributes = {"provider": provider, "patience": 0.2, **stated}
    return type("Contract", (SharedMemoryContract, TestCase), attributes)


def run(test: unittest.TestCase | unittest.TestSuite) -> unittest.TestResult:
    """
    Run *test* with a result of its own.
    """
    result = unittest.TestResult()
    test.run(result)
    return result
