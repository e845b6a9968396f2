"""
The request for a stream, which every attempt repeats.

Parsed and checked once, when an `EventSource` is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from twisted.web.http_headers import Headers

__all__ = ["HeadersLike", "ParamsLike", "StreamRequest", "check_id", "make_request"]

#: Headers, as callers may pass them.
HeadersLike = Mapping[str, str | Sequence[str]] | Headers | None

#: Query parameters, as callers may pass them.
ParamsLike = Mapping[str, Any] | Iterable[tuple[str, Any]] | None

# HTML: "`Accept`/`text/event-stream`", and a cache mode of "no-store", for which
# Fetch sends Cache-Control.
_DEFAULTS = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}

_LAST_EVENT_ID = "Last-Event-ID"


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """
    A request for a stream.

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
        Return this request with a ``Last-Event-ID``.

        HTML: "If the EventSource object's last event ID string is not the empty
        string, then: [...] Set (`Last-Event-ID`, lastEventIDValue) in request's
        header list", "encoded as UTF-8".
        """
        if not last_event_id:
            return self
        headers = self.headers.copy()
        headers.setRawHeaders(_LAST_EVENT_ID, [last_event_id.encode()])
        return replace(self, headers=headers)


def make_request(
    url: str, method: str, headers: HeadersLike, params: ParamsLike, body: bytes | str | None
) -> StreamRequest:
    """
    Make a request from a caller's arguments, with the headers of the standard.

    Raises:
        ValueError: The request cannot be sent.
    """
    parts = urlsplit(url)
    # urlsplit checks the port only when it is read.
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"{url!r} is not an HTTP URL: it must begin with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("a URL must not contain a password: pass an Authorization header instead")
    pairs = params.items() if isinstance(params, Mapping) else params
    content = body.encode() if isinstance(body, str) else body
    return StreamRequest(method.upper(), url, _headers(headers), tuple(pairs or ()), content or b"")


def check_id(last_event_id: str) -> str:
    """
    Check that an event ID can be sent, and return it.

    Raises:
        ValueError: It cannot be sent.
    """
    if any(character in last_event_id for character in "\r\n\0"):
        raise ValueError(f"{last_event_id!r} is not an event ID: it contains a line break or a NUL")
    # Raises UnicodeEncodeError, a ValueError, for a lone surrogate.
    last_event_id.encode()
    return last_event_id


def _headers(extra: HeadersLike) -> Headers:
    if isinstance(extra, Headers):
        headers = extra.copy()
    else:
        pairs = (extra or {}).items()
        headers = Headers({name: [v] if isinstance(v, str) else list(v) for name, v in pairs})
    if headers.hasHeader(_LAST_EVENT_ID):
        # It would be repeated by every attempt, after newer events.
        raise ValueError("Last-Event-ID cannot be set in headers: pass last_event_id instead")
    for name, value in _DEFAULTS.items():
        if not headers.hasHeader(name):
            headers.setRawHeaders(name, [value])
    return headers
