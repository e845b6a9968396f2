"""
Reading responses: their status, the start of an error, and the body.

Bodies are read up to a limit: trust nothing about the server.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, fail
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from twisted_sse.client.encoding import Slices, encoded
from twisted_sse.errors import TwistedSSEError, UnexpectedContentEncoding
from twisted_sse.events.unexpectedstatus import MAX_START, topic_ended, unexpected_status

__all__ = [
    "check_status",
    "close_transport",
    "content_type",
    "deliver",
    "discard",
    "read",
    "read_start",
    "status_error",
]

# How long to wait for the body of an error response, in seconds.  The status says
# most of it already.
_DETAIL_TIMEOUT = 5.0


async def check_status(response: Any) -> None:
    """
    Check that *response* is a success.

    Raises:
        TopicEnded: It says that a topic has ended, which was published to.

        UnexpectedStatus: The status is another one than 200.
    """
    if response.code != 200:
        raise await status_error(response)


async def status_error(response: Any, clock: IReactorTime | None = None) -> TwistedSSEError:
    """
    Make an error of *response*, with what its body says, and close it.

    Args:
        clock: As for `read_start`.
    """
    body = await read_start(response, clock)
    ended = topic_ended(response.code, body)
    return ended or unexpected_status(
        response.code, body, _header(response.headers, b"Retry-After")
    )


async def read_start(response: Any, clock: IReactorTime | None = None) -> bytes:
    """
    Read the start of *response*, as far as it comes, and close the response.

    A failure while reading is ignored: the status is known already, and the body
    only explains it.

    Args:
        clock: Stops the reading after a few seconds; ``None`` leaves the timeout
            to the caller.
    """
    pieces: list[bytes] = []

    def take(data: bytes) -> bool:
        pieces.append(data)
        return sum(map(len, pieces)) >= MAX_START

    reading = deliver(response, take)
    if clock is not None:
        reading.addTimeout(_DETAIL_TIMEOUT, clock)
    with suppress(ResponseFailed, TimeoutError, TwistedSSEError):
        await reading
    return b"".join(pieces)[:MAX_START]


def content_type(response: Any) -> str:
    """
    Return the ``Content-Type`` of *response*, or "".
    """
    return _header(response.headers, b"Content-Type")


async def read(response: Any, limit: int) -> bytes:
    """
    Read the body of *response*, and stop soon after *limit* bytes.

    Raises:
        ResponseFailed: The connection was lost before the end of the body.

        UnexpectedContentEncoding, InvalidResponse: The body cannot be decoded.
    """
    pieces: list[bytes] = []
    missing = limit

    def take(data: bytes) -> bool:
        nonlocal missing
        pieces.append(data)
        missing -= len(data)
        return missing <= 0

    await deliver(response, take)
    return b"".join(pieces)


def discard(response: Any) -> None:
    """
    Close the connection of a response without reading its body.
    """
    response.deliverBody(_Discard())


def close_transport(transport: Any) -> None:
    """
    Close a connection, even if the server does not react.
    """
    transport.loseConnection()
    # TLS also waits for the server's close_notify, forever if the server is gone.
    # This closes the transport below TLS once our close_notify is written.
    stop = getattr(transport, "stopProducing", None)
    if stop is not None:
        stop()


def deliver(response: Any, take: Callable[[bytes], bool]) -> Deferred[None]:
    """
    Pass the body of *response* on as it comes.

    Args:
        take: Called with the next bytes.  If it returns True or raises, the
            connection is closed.

    Returns:
        Fires when the body has ended, or when *take* has returned True.  Fails with
        `UnexpectedContentEncoding` or `InvalidResponse` if it cannot be decoded.
    """
    try:
        raw, slices = encoded(response)
    except UnexpectedContentEncoding:
        discard(response)
        return fail()
    body = _Body(take, slices)
    raw.deliverBody(body)
    return body.done


class _Body(Protocol):
    """
    Passes the body of a response on.

    Attributes:
        done: The result of `deliver`.
    """

    def __init__(self, take: Callable[[bytes], bool], slices: Slices) -> None:
        self._take = take
        self._slices = slices
        self.done: Deferred[None] = Deferred(lambda _: self._close())

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self.done.called:
            return
        self._slices.feed(data)
        try:
            enough = any(self._take(each) for each in iter(self._slices.next, b""))
        except Exception:
            self.done.errback()
            self._close()
        else:
            if enough:
                self.done.callback(None)
                self._close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        if self.done.called:
            return
        # A body without a length ends with its connection.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(None)
        else:
            self.done.errback(reason)

    def _close(self) -> None:
        if self.transport is not None:
            close_transport(self.transport)


class _Discard(Protocol):
    """
    Closes the connection.
    """

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.
        """
        close_transport(self.transport)


def _header(headers: Headers, name: bytes) -> str:
    # A header may be any bytes; Headers raises for text that is not UTF-8.
    values = headers.getRawHeaders(name) or [b""]
    return values[-1].decode("utf-8", "replace")
