"""
What a consumer's coroutine waits for, and what happens when it waits no more.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

__all__ = ["Wait"]

T = TypeVar("T")


class Wait(Generic[T]):
    """
    Stands between one coroutine and some *work*.

    Attributes:
        done: To be awaited.  It ends as *work* does; when it is cancelled, with
            `CancelledError`, whatever *work* makes of that: of a connection that
            is being made Twisted says `ConnectingCancelledError`, of a request
            `ResponseNeverReceived`, as if the server were at fault.
    """

    def __init__(self, work: Deferred[T]) -> None:
        self._work = work
        self._cancelled = False
        self._abandoned = False
        self.done: Deferred[T] = Deferred(self._cancel)
        work.addBoth(self._finish)

    def abandon(self) -> None:
        """
        Cancel the work, and wake nobody: the coroutine is being thrown away, and
        to resume it now is an error.
        """
        self._abandoned = True
        self._work.cancel()

    def _cancel(self, done: Deferred[T]) -> None:
        self._cancelled = True
        self._work.cancel()

    def _finish(self, result: T | Failure) -> None:
        if not self._abandoned and not self.done.called:
            self.done.callback(Failure(CancelledError()) if self._cancelled else result)
