"""
What a client asks for, with every attempt anew.

Parsed and checked once, when an `EventSource` is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from twisted.web.http_headers import Headers

__all__ = ["HeadersLike", "ParamsLike", "StreamRequest", "check_id", "request_of"]

#: What headers are given as.
HeadersLike = Mapping[str, str | Sequence[str]] | Headers | None

#: What parameters are given as.
ParamsLike = Mapping[str, Any] | Iterable[tuple[str, Any]] | None

# HTML: "`Accept`/`text/event-stream`", and a cache mode of "no-store", for which
# Fetch sends Cache-Control.
_DEFAULTS = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}

_LAST_EVENT_ID = "Last-Event-ID"


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """
    A request.

    Attributes:
        params: Added to the query of *url*, as treq takes them.
    """

    method: str
    url: str
    headers: Headers
    params: tuple[tuple[str, Any], ...] = ()
    body: bytes = b""

    def after(self, last_event_id: str) -> StreamRequest:
        """
        The same request, for what follows an event.

        HTML: "If the EventSource object's last event ID string is not the empty
        string, then: [...] Set (`Last-Event-ID`, lastEventIDValue) in request's
        header list", "encoded as UTF-8".
        """
        if not last_event_id:
            return self
        headers = self.headers.copy()
        headers.setRawHeaders(_LAST_EVENT_ID, [last_event_id.encode()])
        return replace(self, headers=headers)


def request_of(
    url: str, method: str, headers: HeadersLike, params: ParamsLike, body: bytes | str | None
) -> StreamRequest:
    """
    Take what a caller says, and add what the standard says.

    Raises:
        ValueError: It cannot be asked.
    """
    parts = urlsplit(url)
    # The port is checked when it is looked at.
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"{url!r} is no URL of HTTP: write http://… or https://…")
    if "@" in parts.netloc:
        raise ValueError("a URL with a password in it is not sent: give the header Authorization")
    pairs = params.items() if isinstance(params, Mapping) else params
    content = body.encode() if isinstance(body, str) else body
    return StreamRequest(method.upper(), url, _headers(headers), tuple(pairs or ()), content or b"")


def check_id(last_event_id: str) -> str:
    """
    See that an event ID can be sent.

    Raises:
        ValueError: It cannot.
    """
    if any(character in last_event_id for character in "\r\n\0"):
        raise ValueError(f"{last_event_id!r} is no event ID: it has a line break or a NUL")
    # A lone surrogate is an error here already.
    last_event_id.encode()
    return last_event_id


def _headers(given: HeadersLike) -> Headers:
    if isinstance(given, Headers):
        headers = given.copy()
    else:
        pairs = (given or {}).items()
        headers = Headers({name: [v] if isinstance(v, str) else list(v) for name, v in pairs})
    if headers.hasHeader(_LAST_EVENT_ID):
        # It would be sent again after newer events.
        raise ValueError("Last-Event-ID is no header here: give last_event_id")
    for name, value in _DEFAULTS.items():
        if not headers.hasHeader(name):
            headers.setRawHeaders(name, [value])
    return headers
