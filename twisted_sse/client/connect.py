"""
One attempt to get a stream: a request and its redirects, and what is no stream.

Follows "process response" in
https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, NamedTuple, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IResponse

from twisted_sse.client.redirects import REDIRECTS, redirected
from twisted_sse.client.request import StreamRequest
from twisted_sse.client.response import (
    beginning,
    content_type,
    first_words,
    hang_up_on,
    refusal,
)
from twisted_sse.errors import ReadTimeout, UnexpectedContentType, UnexpectedStatus
from twisted_sse.events.media import EVENT_STREAM, media_type

__all__ = ["FoundStream", "find_stream"]

# Fetch: "If request's redirect count is 20, then return a network error."
_MOST_REDIRECTS = 20


class FoundStream(NamedTuple):
    """
    A stream that nobody has begun to read.

    Attributes:
        url: Where it was found, after all redirects.
    """

    response: IResponse
    url: str


async def find_stream(
    client: Any, request: StreamRequest, clock: IReactorTime, connect_timeout: float | None
) -> FoundStream | None:
    """
    Ask for a stream.

    Args:
        client: Has treq's ``request``.

        connect_timeout: How long it may take until the last headers have come,
            in seconds; ``None`` is for ever.

    Returns:
        The stream, or ``None``: there is none, and there will never be.

    Raises:
        UnexpectedStatus: The server says something else.

        UnexpectedContentType: It is no event stream.

        ReadTimeout: It took too long.

        Exception: There was no answer; what the client says of it.
    """
    searching = Deferred.fromCoroutine(_follow(client, request, clock))
    if connect_timeout is not None:
        searching.addTimeout(connect_timeout, clock, _too_late)
    found = await searching
    code = found.response.code
    # HTML: "Clients will reconnect if the connection is closed; a client can be
    # told to stop reconnecting using the HTTP 204 No Content response code."
    if code == 204:
        hang_up_on(found.response)
        return None
    if code != 200:
        raise await refusal(found.response, clock)
    await _check_type(found.response, clock)
    return found


async def _follow(client: Any, request: StreamRequest, clock: IReactorTime) -> FoundStream:
    response = await _request(client, request, clock)
    for _ in range(_MOST_REDIRECTS):
        url, locations = _url_of(response, request), _locations(response)
        if not locations:
            return FoundStream(response, url)
        hang_up_on(response)
        status = response.code
        try:
            # Text that is no UTF-8 and names that no host can have are found on the way.
            request = redirected(request, status, url, locations[0].decode())
            response = await _request(client, request, clock)
        except ValueError as error:
            message = f"The server has answered {status}: {error}."
            raise UnexpectedStatus(message, status) from None
    if _locations(response):
        hang_up_on(response)
        raise UnexpectedStatus(f"More than {_MOST_REDIRECTS} redirects.", response.code)
    return FoundStream(response, _url_of(response, request))


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
        # treq would keep every byte of the stream.
        unbuffered=True,
        allow_redirects=False,
        # treq would choose the global one for a timeout that is not used.
        reactor=clock,
    )
    return answer


def _url_of(response: IResponse, request: StreamRequest) -> str:
    # An agent may have gone on to somewhere else, and the query has the parameters.
    # One that plays a server may know nothing of a request.
    uri = getattr(getattr(response, "request", None), "absoluteURI", None)
    return request.url if uri is None else str(uri, "ascii")


async def _check_type(response: IResponse, clock: IReactorTime) -> None:
    kind = content_type(response)
    if media_type(kind) == EVENT_STREAM:
        return
    words = first_words(await beginning(response, clock))
    message = f"Not an event stream, but {kind or 'something without a type'}"
    raise UnexpectedContentType(f"{message}: {words}" if words else f"{message}.", kind, words)


def _too_late(result: object, timeout: float) -> NoReturn:
    raise ReadTimeout(f"There was no answer for {timeout:g} seconds.")
