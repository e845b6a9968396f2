"""
CORS: which web pages of other origins may use a resource.

Follows https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

__all__ = ["CORS", "parse_origin"]

# Request headers of our clients that CORS does not allow by default; X-Run-Id is that of
# TanStack AI.
_REQUEST_HEADERS = (
    b"Authorization, Cache-Control, Content-Type, Idempotency-Key, Last-Event-ID, X-Run-Id"
)

# The methods that a resource of somebody else may have.
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

# Response headers that pages may read in addition to the default ones.
_RESPONSE_HEADERS = (
    b"Last-Event-ID, Link, Mercure-Last-Event-ID, Publication-Kept, Retry-After, WWW-Authenticate"
)


class CORS:
    """
    An allow-list of origins.

    Args:
        origins: Origins as browsers send them, such as ``https://example.com``
            or ``http://localhost:3000``.  In ``https://*.example.com`` the star
            is one label of the host.  The one entry ``*`` allows every origin,
            without credentials.

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
        parsed = [] if self._any else list(map(parse_origin, listed))
        self._origins = frozenset(one for one in parsed if b"*" not in one)
        # The parts before and after one label of the host.
        self._patterns = [one.partition(b"*")[::2] for one in parsed if b"*" in one]
        self._credentials = credentials
        self._max_age = b"%d" % max_age

    @property
    def is_restricted(self) -> bool:
        """
        Whether some origins are listed, so that pages of others are not expected.
        """
        return bool(self._origins or self._patterns)

    def apply(self, request: Request) -> None:
        """
        Set the headers that every answer to *request* needs.
        """
        headers = request.responseHeaders
        # A resource may answer by another one, which applies it again.
        if b"Origin" not in headers.getRawHeaders(b"Vary", []):
            headers.addRawHeader(b"Vary", b"Origin")
        if not (self.is_restricted or self._any):
            return
        origin = request.getHeader(b"Origin")
        if self._any:
            headers.setRawHeaders(b"Access-Control-Allow-Origin", [b"*"])
        elif origin is not None and self._lists(origin):
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
        return self._lists(origin) and (self._credentials or not credentials)

    def wrap(self, resource: IResource) -> IResource:
        """
        Let pages of the listed origins use a resource of your own, and its children.

        Preflights are answered; a request with another method is passed on, with the
        headers that its answer needs.
        """
        return _CrossOrigin(self, resource)

    def _lists(self, origin: bytes) -> bool:
        return origin in self._origins or any(
            len(origin) > len(before) + len(after)
            and origin.startswith(before)
            and origin.endswith(after)
            and _is_label(origin[len(before) : -len(after)])
            for before, after in self._patterns
        )

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


@implementer(IResource)
class _CrossOrigin:
    """
    A resource with CORS; camelCase methods are called by Twisted.
    """

    def __init__(self, cors: CORS, resource: IResource) -> None:
        self._cors = cors
        self._resource = resource

    @property
    def isLeaf(self) -> bool:
        """
        See `IResource.isLeaf`.
        """
        return bool(self._resource.isLeaf)

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        """
        See `IResource.getChildWithDefault`.
        """
        if request.method == b"OPTIONS":
            # Whatever is below, nothing else needs to see a preflight.
            request.postpath = []
            return self
        self._cors.apply(request)
        child: IResource = self._resource.getChildWithDefault(name, request)
        return child

    def putChild(self, path: bytes, child: IResource) -> None:
        """
        See `IResource.putChild`.
        """
        self._resource.putChild(path, child)

    def render(self, request: Request) -> bytes | int:
        """
        See `IResource.render`.
        """
        self._cors.apply(request)
        if request.method != b"OPTIONS":
            answer: bytes | int = self._resource.render(request)
            return answer
        self._cors.preflight(request, _METHODS)
        return NOT_DONE_YET


def _is_label(text: bytes) -> bool:
    return text.replace(b"-", b"").isalnum()


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
    host = parts.hostname
    if "*" in text and not (text.count("*") == 1 and host.startswith("*.") and "." in host[2:]):
        raise ValueError(
            f"{text!r} is not an origin: a star is the first label of a host, as in"
            " https://*.example.com"
        )
    try:
        return text.lower().removesuffix(default_port).encode("ascii")
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} is not an origin: write its host in punycode") from None
