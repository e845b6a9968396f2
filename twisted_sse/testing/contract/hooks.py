"""
What the author of a provider tells the contract about it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import deferLater

from twisted_sse.clock import GlobalClock

__all__ = ["Hooks"]


class Hooks:
    """
    Set these attributes and write these methods in the class that inherits the
    contract.  Every method may return its value, a Deferred or a coroutine.

    Attributes:
        bounds: The bounds that `make_history` takes: ``events``, the most
            publications that are kept; ``bytes``, the most bytes that they
            take, their data and whatever comes to that; ``age``, how long each
            is kept, in seconds.  At least one of the first two.

        durable: Whether the store outlives the provider; then write `reopen`.

        interruptible: Whether the store can be made unavailable; then write
            `interrupt` and `resume`.

        lifetime: The ``age`` that is asked for, in seconds.  Nothing may take
            longer between an append and the question for it; with a clock of
            your own in `pass_time` it costs no time.

        patience: How long any answer may take, in seconds.
    """

    bounds: tuple[str, ...] = ("events", "bytes", "age")
    durable: bool = False
    interruptible: bool = False
    lifetime: float = 3.0
    patience: float = 20.0

    def make_history(self, **bounds: Any) -> Any:
        """
        Make a provider with a new and empty store.  It is started and stopped
        by the test if it is an `IService`.

        Args:
            bounds: One of ``events=``, ``bytes=`` and ``age=`` in a test of
                that bound, nothing in all others.  It must then keep 1,000
                publications of any kind for as long as the test takes.
        """
        raise self._missing("make_history(self, **bounds)", "which makes your provider")

    def reopen(self, history: Any) -> Any:
        """
        Make another provider on the store of *history*, which has been stopped.
        """
        raise self._missing("reopen(self, history)", "or say durable = False")

    def interrupt(self, history: Any) -> Any:
        """
        Make the store of *history* unavailable.
        """
        raise self._missing("interrupt(self, history)", "or say interruptible = False")

    def resume(self, history: Any) -> Any:
        """
        Make the store of *history* available again.  *history* may take until
        `patience` is over to notice.
        """
        raise self._missing("resume(self, history)", "or say interruptible = False")

    def second_hub(self, history: Any) -> Any:
        """
        Make another provider on the store of *history*, which goes on, as
        another hub would.  For `ISharedHistoryProvider` only.
        """
        raise self._missing("second_hub(self, history)", "which another hub would use")

    def pass_time(self, seconds: float) -> Any:
        """
        Let time pass for ``age``.  As it is, it really waits; if your provider
        takes a clock, give it a `twisted.internet.task.Clock`, and advance that.
        """
        return deferLater(GlobalClock(), seconds)

    def can(self, ability: str) -> bool:
        """
        Whether the provider has a bound, or can do what an attribute says.
        """
        return ability in self.bounds or bool(getattr(self, ability, False))

    def _missing(self, signature: str, advice: str) -> NotImplementedError:
        name = type(self).__name__
        return NotImplementedError(f"Write a method {signature} in {name}, {advice}.")
