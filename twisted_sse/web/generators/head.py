"""
The head of a response that is an event stream: its status and its headers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from twisted.web.http_headers import Headers
from twisted.web.server import Request

from twisted_sse.web.stream import STREAM_HEADERS

__all__ = ["ResponseHead"]

# Twisted sets these, and a stream has no length.
_RESERVED = (b"content-length", b"transfer-encoding")

# RFC 9110, 15.3.5, 15.3.6 and 15.4.5: responses with these have no content.
_BODILESS = (204, 205, 304)


class ResponseHead:
    """
    The status and the headers of a stream.

    Args:
        headers: They replace the default ones of the same name.

    Raises:
        ValueError: A response with *status* has no body, or one of *headers* is set
            by Twisted.
    """

    def __init__(self, status: int, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        _check_status(status)
        self._status = status
        self._headers = _headers(headers)

    def write(self, request: Request, more: Mapping[str, str] | None = None) -> None:
        """
        Set the status and the headers of the response to *request*.

        Args:
            more: Headers of this response alone, which replace others.
        """
        request.setResponseCode(self._status)
        for name, values in self._headers:
            request.responseHeaders.setRawHeaders(name, values)
        for own, value in (more or {}).items():
            request.responseHeaders.setRawHeaders(own, [value])


def _check_status(status: object) -> None:
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"status is {status!r}: give an HTTP status such as 200")
    if status in _BODILESS:
        raise ValueError(f"A response with status {status} has no body: choose another status")


def _headers(
    given: Mapping[str, str] | Iterable[tuple[str, str]],
) -> list[tuple[bytes, list[bytes]]]:
    headers = Headers(dict(STREAM_HEADERS))
    own = Headers()
    for name, value in given.items() if isinstance(given, Mapping) else given:
        own.addRawHeader(name, value)
    for raw_name, values in own.getAllRawHeaders():
        if raw_name.lower() in _RESERVED:
            raise ValueError(f"{raw_name.decode()} is set by the server: leave it out")
        headers.setRawHeaders(raw_name, values)
    return [(name, list(values)) for name, values in headers.getAllRawHeaders()]
