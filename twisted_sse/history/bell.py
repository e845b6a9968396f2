"""
Wakes a loop early.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

__all__ = ["Bell"]


class Bell:
    """
    A loop waits for a time, or until somebody rings, which may have been before.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._rung = False
        self._waiting: Deferred[None] | None = None

    def ring(self) -> None:
        """
        End the wait, or the next one at once.
        """
        self._rung = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def wait(self, seconds: float) -> None:
        """
        Wait until `ring` is called, at most so long.
        """
        if not self._rung:
            call = self._clock.callLater(seconds, self.ring)
            self._waiting = Deferred(self._canceled)
            try:
                await self._waiting
            finally:
                if call.active():
                    call.cancel()
        self._rung = False

    def _canceled(self, _: object) -> None:
        self._waiting = None
