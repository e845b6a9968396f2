"""
What the author of a provider defines for the contract.
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
        bounds: The bounds that `make_history` takes: ``events``, the largest
            number of publications that are kept; ``bytes``, their largest total
            size, data and overhead; ``age``, how long each is kept, in seconds.
            At least one of the first two.

        durable: Whether the store outlives the provider.  If so, write `reopen`.

        interruptible: Whether the store can be made unavailable.  If so, write
            `interrupt` and `resume`.

        lifetime: The ``age`` that the tests pass to `make_history`, and the ``ttl``
            that they pass to `IPresenceStore.exchange`, and the ``lease`` and ``keep`` that
            they pass to `IRunHistory.begin_run`, in seconds.
            It must be longer than an append and the query after it take.  If
            `pass_time` advances a clock of your own, a long one costs no time.

        patience: How long each call may take, in seconds.
    """

    bounds: tuple[str, ...] = ("events", "bytes", "age")
    durable: bool = False
    interruptible: bool = False
    lifetime: float = 3.0
    patience: float = 20.0

    def make_history(self, **bounds: Any) -> Any:
        """
        Make a provider with a new, empty store.  If it is an `IService`, the
        test starts and stops it.

        Args:
            bounds: One of ``events=``, ``bytes=`` and ``age=`` in tests of
                that bound, and none in all others.  Without one, the provider
                must keep 1,000 publications of any kind until the test ends.
        """
        raise self._missing("make_history(self, **bounds)", "which returns your provider")

    def reopen(self, history: Any) -> Any:
        """
        Make another provider on the store of *history*, which has been stopped.
        """
        raise self._missing("reopen(self, history)", "or set durable = False")

    def interrupt(self, history: Any) -> Any:
        """
        Make the store of *history* unavailable.
        """
        raise self._missing("interrupt(self, history)", "or set interruptible = False")

    def resume(self, history: Any) -> Any:
        """
        Make the store of *history* available again.  *history* may take up to
        `patience` seconds to notice.
        """
        raise self._missing("resume(self, history)", "or set interruptible = False")

    def second_hub(self, history: Any) -> Any:
        """
        Make another provider on the store of *history*, as another hub would;
        *history* keeps running.  For `ISharedHistoryProvider` only.
        """
        raise self._missing(
            "second_hub(self, history)", "which returns the provider of another hub"
        )

    def pass_time(self, seconds: float) -> Any:
        """
        Let time pass for ``age``, for the ``ttl`` of `IPresenceStore`, and for `IRunHistory`.  The
        default waits in real time; if your provider takes a clock, pass it a
        `twisted.internet.task.Clock` and advance that.
        """
        return deferLater(GlobalClock(), seconds)

    def can(self, ability: str) -> bool:
        """
        Return whether the provider has this bound, or sets this attribute.
        """
        return ability in self.bounds or bool(getattr(self, ability, False))

    def _missing(self, signature: str, advice: str) -> NotImplementedError:
        name = type(self).__name__
        return NotImplementedError(f"Write a method {signature} in {name}, {advice}.")
