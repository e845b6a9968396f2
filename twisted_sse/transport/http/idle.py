"""
Ends connections that wait for a request for too long.

One delayed call serves all of them: they wait equally long, so the first one that began
to wait is the first one that is due.
"""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["IdleTimeouts", "Waiting"]


class Waiting(Protocol):
    """
    A connection that waits for a request.
    """

    def idle_expired(self) -> None:
        """
        No request has begun in time.
        """


class IdleTimeouts:
    """
    Tells connections when they have waited for the time-out.

    Args:
        clock: An `IReactorTime`.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        # When each is due, in the order in which they began to wait.
        self._due: dict[Waiting, float] = {}
        self._call: Any = None

    def watch(self, one: Waiting, timeout: float | None) -> None:
        """
        Call ``one.idle_expired`` after *timeout* seconds; ``None`` is never.
        """
        if not timeout:
            return
        self._due[one] = self._clock.seconds() + timeout
        if self._call is None:
            self._call = self._clock.callLater(timeout, self._check)

    def forget(self, one: Waiting) -> None:
        """
        Note that *one* does not wait any more; it may be unknown.
        """
        # The call stays, because the next one that waits needs it: a publisher waits after
        # each of its requests.
        self._due.pop(one, None)

    def leave(self, one: Waiting) -> None:
        """
        Note that *one* will not wait again.
        """
        self._due.pop(one, None)
        if self._call is not None and not self._due:
            self._call.cancel()
            self._call = None

    def _check(self) -> None:
        self._call = None
        now = self._clock.seconds()
        while self._due:
            one, due = next(iter(self._due.items()))
            # A remainder below a millisecond is rounding.
            if due > now + 0.001:
                self._call = self._clock.callLater(due - now, self._check)
                return
            del self._due[one]
            one.idle_expired()
