"""
Answers of a server: their status, their first words, and their body.

Nothing is read beyond what is asked for: who answers may be anybody.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import time
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from twisted_sse.errors import UnexpectedStatus

__all__ = [
    "beginning",
    "check_status",
    "content_type",
    "deliver",
    "first_words",
    "hang_up",
    "hang_up_on",
    "read",
    "refusal",
]

# How much of an error is read, in bytes, and how much of it is shown, in
# characters.
_MAX_PROBLEM = 4096
_MAX_WORDS = 300

# How long the first words of an error are waited for, in seconds: the status has
# come already, and says most of it.
_PATIENCE = 5.0


async def check_status(response: Any) -> None:
    """
    See that *response* is a success.

    Raises:
        UnexpectedStatus: It has any status but 200.
    """
    if response.code != 200:
        raise await refusal(response)


async def refusal(response: Any, clock: IReactorTime | None = None) -> UnexpectedStatus:
    """
    What *response* says, as an error.  It is read and closed.

    Args:
        clock: As for `beginning`.
    """
    detail = _detail(await beginning(response, clock))
    return UnexpectedStatus(
        f"{_named(response.code)}: {detail}" if detail else f"{_named(response.code)}.",
        response.code,
        detail,
        _retry_after(response.headers),
    )


async def beginning(response: Any, clock: IReactorTime | None = None) -> bytes:
    """
    Read what *response* begins with, as far as it comes, and close it.

    Nothing that happens to it meanwhile is an error: of a status that has come,
    the words are only an explanation.

    Args:
        clock: Ends it after a few seconds; ``None`` leaves that to the caller.
    """
    pieces: list[bytes] = []

    def take(data: bytes) -> bool:
        pieces.append(data)
        return sum(map(len, pieces)) >= _MAX_PROBLEM

    reading = deliver(response, take)
    if clock is not None:
        reading.addTimeout(_PATIENCE, clock)
    with suppress(PotentialDataLoss, ResponseFailed, TimeoutError):
        await reading
    return b"".join(pieces)[:_MAX_PROBLEM]


def content_type(response: Any) -> str:
    """
    What the body of *response* is said to be; "" if nothing is said.
    """
    return _header(response.headers, b"Content-Type")


def first_words(body: bytes) -> str:
    """
    The beginning of a body as one line.
    """
    return " ".join(body[:_MAX_PROBLEM].decode("utf-8", "replace").split())[:_MAX_WORDS]


async def read(response: Any, limit: int) -> bytes:
    """
    Read the body of *response*, and stop after *limit* bytes or a few more.

    Raises:
        ResponseFailed: The connection was lost in the middle of it.
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


def hang_up_on(response: Any) -> None:
    """
    Close the connection of a response whose body nobody will read.
    """
    response.deliverBody(_Unread())


def hang_up(transport: Any) -> None:
    """
    Close a connection, whatever the other side does.
    """
    transport.loseConnection()
    # TLS waits for the other side to say goodbye as well, for ever if it has gone.
    # This closes what lies below TLS, once our goodbye is on its way.
    stop = getattr(transport, "stopProducing", None)
    if stop is not None:
        stop()


def deliver(response: Any, take: Callable[[bytes], bool]) -> Deferred[None]:
    """
    Hand the body of *response* on as it comes.

    Args:
        take: Takes the next bytes, and says whether they are enough; the
            connection is closed then.  What it raises closes it, too.

    Returns:
        Fires when the body has ended or enough of it has come.
    """
    body = _Body(take)
    response.deliverBody(body)
    return body.done


class _Body(Protocol):
    """
    Hands the body of a response on.

    Attributes:
        done: As `deliver` returns it.
    """

    def __init__(self, take: Callable[[bytes], bool]) -> None:
        self._take = take
        self.done: Deferred[None] = Deferred(lambda _: self._leave())

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self.done.called:
            return
        try:
            enough = self._take(data)
        except Exception:
            self.done.errback()
            self._leave()
        else:
            if enough:
                self.done.callback(None)
                self._leave()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        if self.done.called:
            return
        if reason.check(ResponseDone):
            self.done.callback(None)
        else:
            self.done.errback(reason)

    def _leave(self) -> None:
        if self.transport is not None:
            hang_up(self.transport)


class _Unread(Protocol):
    """
    Closes the connection.
    """

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.
        """
        hang_up(self.transport)


def _detail(body: bytes) -> str:
    try:
        # RFC 9457: "detail" is for people.
        detail = json.loads(body)["detail"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return first_words(body)
    return str(detail)


def _named(status: int) -> str:
    try:
        return f"The server has answered {status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return f"The server has answered {status}"


def _retry_after(headers: Headers) -> float | None:
    # RFC 9110, 10.2.3: "Retry-After = HTTP-date / delay-seconds".
    text = _header(headers, b"Retry-After").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (OverflowError, ValueError):
        return None
    return max(0.0, date.timestamp() - time())


def _header(headers: Headers, name: bytes) -> str:
    # A header may be any bytes, and asked for as text it has to be UTF-8.
    values = headers.getRawHeaders(name) or [b""]
    return values[-1].decode("utf-8", "replace")
