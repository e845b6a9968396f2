"""
Limits for the heads of requests, and the parsing of what Twisted leaves as it is.

Pure functions of bytes.  Comments that begin with "RFC 9112:" quote it.
"""

from __future__ import annotations

import re

from twisted_sse.transport.refusal import Refusal

__all__ = ["HEADER_BYTES", "LINE_BYTES", "content_length", "origin_form", "readable"]

#: The longest request line, in bytes: room for the 100 topics that one request may
#: name by default, 650 bytes each.  RFC 9112, 3: at least 8,000 are recommended.
LINE_BYTES = 64 * 1024

#: The most bytes of all headers of a request together.
HEADER_BYTES = 16 * 1024

# RFC 9112: "absolute-form = absolute-URI"; the scheme is case-insensitive.
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)

# More digits are no length of anything, and take Python quadratic time.
_LENGTH_DIGITS = 18


def origin_form(method: bytes, target: bytes) -> tuple[bytes, bytes | None]:
    """
    Return the path with the query, and the host if *target* names one.

    Raises:
        Refusal: *target* has none of the forms that a server has to accept.
    """
    if method == b"CONNECT":
        raise Refusal(405, "This server is not a proxy: CONNECT is not supported.")
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return target, None
    # RFC 9112: "a server MUST accept the absolute-form in requests even though most
    # HTTP/1.1 clients will only send the absolute-form in requests to proxies."
    found = _ABSOLUTE.fullmatch(target)
    if found is None or not found[1] or b"@" in found[1]:
        raise Refusal(400, "The request target is neither a path nor an http URL.")
    path = found[2]
    return (path if path.startswith(b"/") else b"/" + path), found[1]


def content_length(value: bytes) -> int:
    """
    Read the value of a ``Content-Length`` header.

    Raises:
        Refusal: It is not a number, or an impossible one.
    """
    if not value.isdigit() or len(value.lstrip(b"0")) > _LENGTH_DIGITS:
        raise Refusal(400, "Content-Length is not a number of bytes.")
    return int(value)


def readable(value: bytes) -> bytes:
    """
    Return *value* as UTF-8, so that Twisted's headers can decode it.

    RFC 9110, 5.5: "Historically, HTTP allowed field content with text in the
    ISO-8859-1 charset".
    """
    if value.isascii():
        return value
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1").encode("utf-8")
    return value
