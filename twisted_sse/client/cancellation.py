"""
Waiting in a consumer's coroutine, and cancelling it.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

__all__ = ["Wait"]

T = TypeVar("T")


class Wait(Generic[T]):
    """
    Waits for *work* on behalf of one coroutine.

    Attributes:
        done: To be awaited.  It fires as *work* does.  If it is cancelled, it fails
            with `CancelledError`, whatever *work* makes of the cancellation: Twisted
            reports `ConnectingCancelledError` for a connection and
            `ResponseNeverReceived` for a request, as if the server were at fault.
    """

    def __init__(self, work: Deferred[T]) -> None:
        self._work = work
        self._cancelled = False
        self._abandoned = False
        self.done: Deferred[T] = Deferred(self._cancel)
        work.addBoth(self._finish)

    def abandon(self) -> None:
        """
        Cancel the work without resuming the coroutine.

        For a coroutine that is being closed: resuming it would be an error.
        """
        self._abandoned = True
        self._work.cancel()

    def _cancel(self, done: Deferred[T]) -> None:
        self._cancelled = True
        self._work.cancel()

    def _finish(self, result: T | Failure) -> None:
        if not self._abandoned and not self.done.called:
            self.done.callback(Failure(CancelledError()) if self._cancelled else result)
