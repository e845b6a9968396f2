"""
CORS: which web pages of other origins may use a resource.

Follows https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from twisted.web.server import Request

__all__ = ["CORS", "parse_origin"]

# Request headers of our clients that CORS does not allow by default.
_REQUEST_HEADERS = b"Authorization, Cache-Control, Content-Type, Idempotency-Key, Last-Event-ID"

# Response headers that pages may read in addition to the default ones.
_RESPONSE_HEADERS = b"Last-Event-ID, Publication-Kept, Retry-After"


class CORS:
    """
    An allow-list of origins.

    Args:
        origins: Origins as browsers send them, such as ``https://example.com``
            or ``http://localhost:3000``.  The one entry ``*`` allows every
            origin, without credentials.

        credentials: Whether listed origins may send cookies.

        max_age: How long browsers may cache the answer to a preflight, in
            seconds.  Browsers have limits of their own, 7200 in Chromium.

    Raises:
        ValueError: One of *origins* is not an origin.
    """

    def __init__(
        self, origins: Iterable[str] = (), *, credentials: bool = True, max_age: int = 7200
    ) -> None:
        listed = [origins] if isinstance(origins, str) else list(origins)
        self._any = listed == ["*"]
        self._origins = frozenset() if self._any else frozenset(map(parse_origin, listed))
        self._credentials = credentials
        self._max_age = b"%d" % max_age

    def apply(self, request: Request) -> None:
        """
        Set the headers that every answer to *request* needs.
        """
        headers = request.responseHeaders
        headers.addRawHeader(b"Vary", b"Origin")
        if not self._origins and not self._any:
            return
        origin = request.getHeader(b"Origin")
        if self._any:
            headers.setRawHeaders(b"Access-Control-Allow-Origin", [b"*"])
        elif origin in self._origins:
            headers.setRawHeaders(b"Access-Control-Allow-Origin", [origin])
            if self._credentials:
                headers.setRawHeaders(b"Access-Control-Allow-Credentials", [b"true"])
        else:
            return
        headers.setRawHeaders(b"Access-Control-Expose-Headers", [_RESPONSE_HEADERS])

    def allows(self, origin: bytes, *, credentials: bool) -> bool:
        """
        Whether pages of *origin* may use the resource.

        Args:
            origin: As sent in ``Origin``.

            credentials: Whether with cookies, which ``*`` does not allow.
        """
        if self._any:
            return not credentials
        return origin in self._origins and (self._credentials or not credentials)

    def preflight(self, request: Request, methods: bytes) -> None:
        """
        Answer ``OPTIONS``.  Call `apply` before.

        Args:
            methods: The methods of the resource, in the form of ``Allow``.
        """
        headers = request.responseHeaders
        request.setResponseCode(204)
        headers.setRawHeaders(b"Allow", [methods])
        headers.removeHeader(b"Content-Type")
        if headers.hasHeader(b"Access-Control-Allow-Origin"):
            headers.setRawHeaders(b"Access-Control-Allow-Methods", [methods])
            headers.setRawHeaders(b"Access-Control-Allow-Headers", [_REQUEST_HEADERS])
            headers.setRawHeaders(b"Access-Control-Max-Age", [self._max_age])
        request.finish()


def parse_origin(text: str) -> bytes:
    """
    Write an origin as browsers send it.

    Raises:
        ValueError: *text* is not an origin.
    """
    parts = urlsplit(text)
    if text == "*":
        raise ValueError("'*' allows every origin, so it must be the only one")
    if text == "null":
        return b"null"
    if text != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(
            f"{text!r} is not an origin: write scheme, host and port, such as https://example.com"
        )
    if not parts.scheme or not parts.hostname or parts.username is not None:
        raise ValueError(f"{text!r} is not an origin: its scheme or host is missing")
    # HTML, "serialization of an origin": the default port of a scheme is omitted.
    default_port = {"http": ":80", "https": ":443"}.get(parts.scheme.lower(), "")
    try:
        return text.lower().removesuffix(default_port).encode("ascii")
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} is not an origin: write its host in punycode") from None
