"""
Identifies publishing requests by key, body and publisher, to recognize repeats.

Follows https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.receipts import RepeatKey
from twisted_sse.events.publication import Publication
from twisted_sse.web.problem import Problem

__all__ = ["publisher_of", "repeat_key"]

# The longest Idempotency-Key, in bytes.  A UUID has 36.
_LONGEST = 255


def repeat_key(
    request: Request, grant: Grant, body: bytes, publications: Sequence[Publication]
) -> RepeatKey | None:
    """
    Return what *request* must have in common with its repeats; ``None`` if it may not
    be repeated.

    That is the header ``Idempotency-Key``.  Without one, the body itself if each of
    *publications* has an ID of its own.

    Raises:
        Problem: The header is not a key.
    """
    keys = request.requestHeaders.getRawHeaders(b"Idempotency-Key", [])
    if not keys:
        for publication in publications:
            if publication.event.id is None:
                return None
    kind = (request.getHeader(b"Content-Type") or b"").lower()
    content = sha256(kind + b"\0" + body).digest()
    key = b"body:" + content if not keys else b"key:" + _checked(keys)
    return RepeatKey(sha256(publisher_of(request, grant) + b"\0" + key).digest(), content)


def _checked(keys: Sequence[bytes]) -> bytes:
    key = keys[0]
    if len(keys) > 1 or not 0 < len(key) <= _LONGEST or not all(32 <= byte < 127 for byte in key):
        raise Problem(
            400,
            f"Idempotency-Key must be one key of at most {_LONGEST} printable ASCII characters, "
            "such as a UUID.",
        )
    return key


def publisher_of(request: Request, grant: Grant) -> bytes:
    """
    Identify the publisher, by user or else by credentials, however those are written.

    Two publishers may choose the same key, and neither may see the other's receipt.
    """
    if grant.user is not None:
        return b"user:" + grant.user.encode("utf-8", "surrogatepass")
    header = request.getHeader(b"Authorization")
    if header is None:
        # A token may also be in a cookie or in the query.
        cookie, query = request.getHeader(b"Cookie") or b"", request.uri.partition(b"?")[2]
        return b"cookie:" + cookie + b"\0" + query
    # RFC 9110, 11.1: the scheme is case-insensitive, and several spaces may follow it.
    scheme, _, rest = header.strip().partition(b" ")
    return b"credentials:" + scheme.lower() + b" " + rest.strip()
