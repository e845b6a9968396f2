"""
One attempt to open a stream: a request, its redirects, and the check of the response.

Follows "process response" in
https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, NamedTuple, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IResponse

from twisted_sse.client.encoding import Slices, encoded
from twisted_sse.client.redirects import REDIRECTS, redirect
from twisted_sse.client.request import StreamRequest
from twisted_sse.client.response import content_type, discard, read_start, status_error
from twisted_sse.errors import (
    ReadTimeout,
    UnexpectedContentEncoding,
    UnexpectedContentType,
    UnexpectedStatus,
)
from twisted_sse.events.media import EVENT_STREAM, media_type
from twisted_sse.events.unexpectedstatus import first_words

__all__ = ["OpenedStream", "open_stream"]

# Fetch: "If request's redirect count is 20, then return a network error."
_MAX_REDIRECTS = 20


class OpenedStream(NamedTuple):
    """
    A stream that has not been read yet.

    Attributes:
        url: The URL of the stream, after all redirects.

        slices: Decodes the body, which is delivered as it was sent.
    """

    response: IResponse
    url: str
    slices: Slices


async def open_stream(
    client: Any, request: StreamRequest, clock: IReactorTime, connect_timeout: float | None
) -> OpenedStream | None:
    """
    Request a stream.

    Args:
        client: Has treq's ``request``.

        connect_timeout: How long it may take until the headers of the last
            response, in seconds; ``None`` is unlimited.

    Returns:
        The stream, or ``None`` if the server answers 204: there is no stream, and
        the client must not ask again.

    Raises:
        UnexpectedStatus: The server answers with another status.

        UnexpectedContentType: The response is not an event stream.

        UnexpectedContentEncoding: It is encoded, and not with gzip.

        ReadTimeout: The response took too long.

        Exception: There was no response; the client's own error.
    """
    opening = Deferred.fromCoroutine(_follow(client, request, clock))
    if connect_timeout is not None:
        opening.addTimeout(connect_timeout, clock, _timed_out)
    response, url = await opening
    code = response.code
    # HTML: "Clients will reconnect if the connection is closed; a client can be
    # told to stop reconnecting using the HTTP 204 No Content response code."
    if code == 204:
        discard(response)
        return None
    if code != 200:
        raise await status_error(response, clock)
    await _check_type(response, clock)
    try:
        raw, slices = encoded(response)
    except UnexpectedContentEncoding:
        discard(response)
        raise
    return OpenedStream(raw, url, slices)


async def _follow(
    client: Any, request: StreamRequest, clock: IReactorTime
) -> tuple[IResponse, str]:
    response = await _request(client, request, clock)
    for _ in range(_MAX_REDIRECTS):
        url, locations = _url_of(response, request), _locations(response)
        if not locations:
            return response, url
        discard(response)
        status = response.code
        try:
            # Raised for a location that is not UTF-8 and for impossible host names, too.
            request = redirect(request, status, url, locations[0].decode())
            response = await _request(client, request, clock)
        except ValueError as error:
            message = f"The server answered {status}: {error}."
            raise UnexpectedStatus(message, status) from None
    if _locations(response):
        discard(response)
        raise UnexpectedStatus(
            f"The server redirected more than {_MAX_REDIRECTS} times.", response.code
        )
    return response, _url_of(response, request)


def _locations(response: IResponse) -> list[bytes]:
    if response.code not in REDIRECTS:
        return []
    return response.headers.getRawHeaders(b"Location") or []


def _request(client: Any, request: StreamRequest, clock: IReactorTime) -> Awaitable[IResponse]:
    answer: Awaitable[IResponse] = client.request(
        request.method,
        request.url,
        headers=request.headers,
        params=list(request.params) or None,
        data=request.body or None,
        # Otherwise treq keeps every byte of the stream in memory.
        unbuffered=True,
        allow_redirects=False,
        # Otherwise treq imports the global reactor, for a timeout that is not used.
        reactor=clock,
    )
    return answer


def _url_of(response: IResponse, request: StreamRequest) -> str:
    # The agent may have followed redirects itself, and this URL has the parameters.
    # An agent that fakes a server may not tell it.
    uri = getattr(getattr(response, "request", None), "absoluteURI", None)
    return request.url if uri is None else str(uri, "ascii")


async def _check_type(response: IResponse, clock: IReactorTime) -> None:
    kind = content_type(response)
    if media_type(kind) == EVENT_STREAM:
        return
    words = first_words(await read_start(response, clock))
    message = f"The response is {kind or 'of unknown type'}, not an event stream"
    raise UnexpectedContentType(f"{message}: {words}" if words else f"{message}.", kind, words)


def _timed_out(result: object, timeout: float) -> NoReturn:
    raise ReadTimeout(f"No response came within {timeout:g} seconds.")
