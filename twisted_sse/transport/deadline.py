"""
Time limits for what a client sends.

A limit is absolute: a byte now and then does not extend it, so no request takes
forever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = [
    "BODY_TIMEOUT",
    "HANDSHAKE_TIMEOUT",
    "HEAD_TIMEOUT",
    "BodyDeadline",
    "RequestTimeouts",
]

#: Seconds for a TLS handshake, from the connection on: two or three round trips.
HANDSHAKE_TIMEOUT = 10.0

#: Seconds for a request's line and headers.  They are a few packets at most, which
#: arrive within a second or two, lost packets and slow networks included.
HEAD_TIMEOUT = 10.0

#: Seconds for a body, besides those that `BODY_RATE` grants: enough for a network
#: that is interrupted for a moment.
BODY_TIMEOUT = 30.0

#: The slowest body, in bytes per second: less than a phone sends by GPRS.
BODY_RATE = 1024


class RequestTimeouts(NamedTuple):
    """
    How long a client may take to send a request, in seconds; ``None`` is forever.

    Attributes:
        head: From the first byte of a request to the end of its headers.

        body: From the end of the headers to the end of the body, plus one second
            for every `BODY_RATE` bytes that have arrived.
    """

    head: float | None = HEAD_TIMEOUT
    body: float | None = BODY_TIMEOUT


class BodyDeadline:
    """
    Calls *expired* unless the body of a request makes progress.

    Args:
        clock: An `IReactorTime`.

        timeout: See `RequestTimeouts.body`.

        expired: Called at most once.
    """

    __slots__ = ("_call", "_clock", "_expired", "_received", "_start", "_timeout")

    def __init__(self, clock: Any, timeout: float, expired: Callable[[], object]) -> None:
        self._clock = clock
        self._timeout = timeout
        self._expired = expired
        self._received = 0
        self._start = clock.seconds()
        self._call: Any = clock.callLater(timeout, self._check)

    def received(self, size: int) -> None:
        """
        Count *size* bytes of the body.
        """
        self._received += size

    def cancel(self) -> None:
        """
        Do not call *expired* any more.
        """
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _check(self) -> None:
        self._call = None
        allowed = self._timeout + self._received / BODY_RATE
        left = self._start + allowed - self._clock.seconds()
        # A remainder below a millisecond is rounding.
        if left > 0.001:
            self._call = self._clock.callLater(left, self._check)
        else:
            self._expired()
