"""
Refuses what pages of other sites may not do: first of all, use a hub that lists the
origins of its pages, and then publish with their visitor's credentials.

A browser adds cookies, passwords and client certificates to any request, and a form may
be sent anywhere without a preflight.  A token in ``Authorization`` is different: a page
must know it to send it, and browsers ask the server before they send it to another origin.

Follows https://fetch.spec.whatwg.org/#origin-header and
https://www.w3.org/TR/fetch-metadata/.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.web.server import Request

from twisted_sse.transport.tls.peer import peer_certificate
from twisted_sse.web.cors import CORS, parse_origin
from twisted_sse.web.problem import Problem

__all__ = ["OriginCheck", "is_own_origin"]

# The schemes of ``Authorization`` for which browsers keep credentials.
_AMBIENT = {b"basic", b"digest", b"negotiate", b"ntlm"}

# HTML: an opaque origin.  Any page may have it, for example in a sandboxed frame.
_NULL = b"null"


class OriginCheck:
    """
    Checks which page a request comes from.

    Args:
        cors: Its listed origins may publish.

        origins: Additional origins whose pages may publish, such as that of this
            server if a proxy changes the header ``Host``.

        malformed: Whether the answer is that the request is malformed, as Mercure has
            it: 400 with the error code ``invalid_request`` instead of 403.

    Raises:
        ValueError: One of *origins* is not the origin of a certain page.
    """

    def __init__(self, cors: CORS, origins: Iterable[str] = (), *, malformed: bool = False) -> None:
        self._cors = cors
        self._malformed = malformed
        listed = [origins] if isinstance(origins, str) else origins
        parsed = [parse_origin(one) for one in listed]
        self._listed = CORS([one.decode("ascii") for one in parsed])
        if _NULL in parsed:
            raise ValueError("'null' is the origin of every page that hides its own: leave it out")

    def check_page(self, request: Request) -> None:
        """
        Refuse *request*, whatever it is for, if it comes from a page whose origin is
        neither listed nor that of this server.  If no origins are listed, or all are
        allowed, every request is accepted.

        Raises:
            Problem: It comes from such a page.
        """
        if not self._cors.is_restricted:
            return
        headers = request.requestHeaders.getRawHeaders(b"Origin", [])
        if not headers or request.getHeader(b"Sec-Fetch-Site") == b"same-origin":
            return
        origin = headers[0]
        if len(headers) == 1 and (
            self._cors.allows(origin, credentials=False)
            or self._listed.allows(origin, credentials=False)
            or is_own_origin(origin, request)
        ):
            return
        page = b", ".join(headers).decode("ascii", "backslashreplace")
        sentence = (
            f"Pages of {page} may not use this server: its operator has to list their origin,"
            " with --cors-origin or CORS([...])."
        )
        raise self._refusal(sentence) if request.method == b"POST" else Problem(403, sentence)

    def check(self, request: Request) -> None:
        """
        Refuse *request* if a page of another site may have made it.

        Raises:
            Problem: It may.
        """
        schemes = _schemes(request)
        if schemes and not schemes & _AMBIENT:
            return
        ambient = bool(schemes) or request.requestHeaders.hasHeader(b"Cookie")
        origin, fetch_site = request.getHeader(b"Origin"), request.getHeader(b"Sec-Fetch-Site")
        if origin is None and fetch_site is None:
            # Programs with a client certificate send neither.  Browsers have sent Origin
            # with every POST since 2020.
            allowed = not ambient
        elif fetch_site == b"same-origin":
            allowed = True
        elif origin is None:
            # "none": the user began the request, for example by a reload.
            allowed = fetch_site == b"none"
        else:
            ambient = ambient or peer_certificate(request) is not None
            allowed = self._may_publish(origin, ambient) or is_own_origin(origin, request)
        if not allowed:
            raise self._refusal(_sentence(origin, fetch_site))

    def _refusal(self, sentence: str) -> Problem:
        if not self._malformed:
            return Problem(403, sentence)
        # RFC 6750, 3.1: "invalid_request: The request is [...] otherwise malformed.  The
        # resource server SHOULD respond with the HTTP 400 (Bad Request) status code."
        return Problem(400, sentence, {"WWW-Authenticate": 'Bearer error="invalid_request"'})

    def _may_publish(self, origin: bytes, ambient: bool) -> bool:
        if ambient and origin == _NULL:
            return False
        return self._listed.allows(origin, credentials=True) or self._cors.allows(
            origin, credentials=ambient
        )


def _sentence(origin: bytes | None, fetch_site: bytes | None) -> str:
    if origin is None and fetch_site is None:
        return (
            "A publication with a cookie or a password must say which page it comes from: "
            "send Origin, or a token as Authorization: Bearer TOKEN."
        )
    page = "this page" if origin is None else origin.decode("ascii", "backslashreplace")
    return (
        f"Pages of {page} may not publish here with their visitor's credentials: "
        "allow the origin, or send a token as Authorization: Bearer TOKEN."
    )


def _schemes(request: Request) -> set[bytes]:
    values = request.requestHeaders.getRawHeaders(b"Authorization", [])
    return {value.strip().partition(b" ")[0].lower() for value in values}


def is_own_origin(origin: bytes, request: Request) -> bool:
    """
    Whether *origin* is that of the URL of *request*.

    A proxy may have decrypted the request, so a plain one may belong to either scheme.
    """
    host = (request.getHeader(b"Host") or b"").lower()
    for scheme, port in ((b"https://", b":443"), (b"http://", b":80")):
        if origin == scheme + host.removesuffix(port):
            return scheme == b"https://" or not request.isSecure()
    return False
