"""
The streams of a response that are open, so that they can be told to end.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.errors import HubClosed
from twisted_sse.outlet import Outlet
from twisted_sse.source import Pull

__all__ = ["Running"]

# How long what was written last is given to leave the process, in seconds.
_SETTLE = 0.2

# How often those who have not ended are looked at, in seconds.
_LOOK = 0.1


class Running:
    """
    Knows the open streams of one response.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._closed = False
        self._streams: dict[Pull, tuple[Outlet, Deferred[None]]] = {}

    def check_open(self) -> None:
        """
        See that streams may begin.

        Raises:
            HubClosed: They are being told to end.
        """
        if self._closed:
            raise HubClosed("This server is about to stop; come back in a moment.")

    def add(self, pull: Pull, outlet: Outlet, draining: Deferred[None]) -> None:
        """
        A stream begins.

        Args:
            draining: Fired when streams are told to end.
        """
        self._streams[pull] = outlet, draining

    def remove(self, pull: Pull) -> None:
        """
        A stream has ended, and its source is closed.
        """
        self._streams.pop(pull, None)

    async def drain(self, grace: float) -> None:
        """
        Tell all streams to end, and cut those that have not after *grace* seconds.
        """
        self._closed = True
        told = bool(self._streams)
        for _, draining in list(self._streams.values()):
            if not draining.called:
                draining.callback(None)
        deadline = self._clock.seconds() + grace
        while self._streams and self._clock.seconds() < deadline:
            await deferLater(self._clock, min(_LOOK, grace))
        for pull, (outlet, _) in list(self._streams.items()):
            pull.cancel()
            # Its finally may await for as long as it likes.
            outlet.finish()
        await deferLater(self._clock, _SETTLE if told else 0)
