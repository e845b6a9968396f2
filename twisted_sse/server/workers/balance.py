"""
Keeps the workers' shares of the connections alike.

All workers accept from the same sockets, and the kernel wakes whichever it likes.  One
that has more than its share leaves new connections to the others for a moment.  It never
stops for longer, so a connection never waits for a worker that does not come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_sse.server.listening import EndpointService

__all__ = ["Balance"]

# How long others have the first chance, in seconds: far longer than they need to wake
# up, and too short for a person to notice.
_PAUSE = 0.02

# How many connections more than its share a worker may have before it pauses: an absolute
# number, and one in so many of its share.
_SLACK = 4
_PART = 50


class Balance:
    """
    Args:
        endpoints: Where this worker accepts.

        own: Returns the number of its connections.
    """

    def __init__(
        self, endpoints: Sequence[EndpointService], own: Callable[[], int], clock: IReactorTime
    ) -> None:
        self._endpoints = endpoints
        self._own = own
        self._clock = clock
        self._elsewhere = 0
        self._workers = 1
        self._pausing: IDelayedCall | None = None

    def learn(self, elsewhere: int, workers: int) -> None:
        """
        Take the number of connections of the others, and of workers.
        """
        self._elsewhere = elsewhere
        self._workers = workers
        self.check()

    def check(self) -> None:
        """
        Pause if this worker is ahead of the others.
        """
        own = self._own()
        share = (own + self._elsewhere) / self._workers
        if self._pausing is None and own > share + _SLACK + share / _PART:
            self._pausing = self._clock.callLater(_PAUSE, self._resume)
            for endpoint in self._endpoints:
                endpoint.pause()

    def stop(self) -> None:
        """
        Do nothing more.
        """
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None

    def _resume(self) -> None:
        self._pausing = None
        for endpoint in self._endpoints:
            endpoint.resume()
