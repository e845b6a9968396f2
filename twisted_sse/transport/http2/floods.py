"""
Limits for the frames that cost a client nothing.

Law: every frame that is not a request or the body of one is counted, and a client
that sends too many of a kind loses its connection.
"""

from __future__ import annotations

from collections.abc import Callable

from h2.exceptions import DenialOfServiceError
from hyperframe.frame import DataFrame, Frame, HeadersFrame, RstStreamFrame, WindowUpdateFrame

from twisted_sse.transport.http2.tokenbucket import TokenBucket

__all__ = ["FloodGuard"]

# A burst, and then a number per second.  A closed tab resets all its streams at
# once; no client needs many of the others.  CVE-2023-44487 (resets), CVE-2019-9512
# (pings), CVE-2019-9515 (settings), CVE-2019-9518 (empty frames).
_RESETS = (1000, 33)
_CHEAP_FRAMES = (300, 50)

# For how many resets these count, since they take longer: headers that are refused,
# or whose stream has ended, and DATA whose stream has ended.
_HEADERS_COST = 5
_DATA_COST = 2

# Clients enlarge windows as they read, some at every frame.  So besides this number
# they may send one for so many bytes that were sent to them.
_WINDOW_UPDATES = (1000, 100)
_BYTES_PER_WINDOW_UPDATE = 32

# A smaller piece of a body, unless it is the last, counts as an empty one.
_PIECE_BYTES = 32

# RFC 9113, 6.9.2: the window of a connection at its beginning.
_FIRST_WINDOW = 65_535


class FloodGuard:
    """
    Counts the frames of one connection.

    Args:
        seconds: Returns the current time in seconds.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._resets = TokenBucket(*_RESETS, seconds)
        self._cheap = TokenBucket(*_CHEAP_FRAMES, seconds)
        self._window_updates = TokenBucket(*_WINDOW_UPDATES, seconds)
        self._excess = 0
        self._granted = _FIRST_WINDOW

    def count(self, frame: Frame, window: int, is_closed: bool) -> None:
        """
        Count a frame that was received.

        Args:
            window: How many bytes may be sent to the client now.

            is_closed: Whether its stream has ended.

        Raises:
            DenialOfServiceError: There were too many.
        """
        if isinstance(frame, WindowUpdateFrame):
            self._count_window_update(frame, window)
        elif isinstance(frame, RstStreamFrame):
            self.count_reset()
        elif isinstance(frame, DataFrame | HeadersFrame):
            if is_closed:
                # Each of them is answered with a reset.
                self.count_reset(_HEADERS_COST if isinstance(frame, HeadersFrame) else _DATA_COST)
            elif isinstance(frame, DataFrame) and _is_tiny(frame):
                self._count_cheap()
        else:
            self._count_cheap()

    def count_refused(self) -> None:
        """
        Count a request that is malformed or refused.

        Raises:
            DenialOfServiceError: There were too many.
        """
        self.count_reset(_HEADERS_COST)

    def count_reset(self, cost: float = 1) -> None:
        """
        Count a stream that the client resets, or makes the server reset.

        Raises:
            DenialOfServiceError: There were too many.
        """
        if not self._resets.take(cost):
            raise DenialOfServiceError("Too many stream resets")

    def _count_cheap(self) -> None:
        if not self._cheap.take():
            raise DenialOfServiceError("Too many frames that are neither requests nor data")

    def _count_window_update(self, frame: WindowUpdateFrame, window: int) -> None:
        if not frame.stream_id:
            self._granted += frame.window_increment
        if self._window_updates.take():
            return
        self._excess += 1
        # What the connection was granted, and has not any more, was sent.
        sent = self._granted - window
        if self._excess * _BYTES_PER_WINDOW_UPDATE > sent:
            raise DenialOfServiceError("Too many window updates")


def _is_tiny(frame: DataFrame) -> bool:
    return len(frame.data) < _PIECE_BYTES and "END_STREAM" not in frame.flags
