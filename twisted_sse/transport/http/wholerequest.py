"""
Reads a request that has arrived whole, if it is of the simple kind that almost all are.

Law: in doubt it is not read.  `StrictHTTPChannel` then reads the same bytes, and knows
all of HTTP/1.1; what is read here, it would read alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from twisted_sse.transport.heads import HEADER_BYTES

__all__ = ["WholeRequest", "read_whole"]

# RFC 9110, 5.6.2: the characters of a token.  Everything else of such a head is ASCII:
# its bytes are characters, whatever the charset.
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"

# What may come out differently is left to the channel: a target that is no path, a value
# on several lines, a control character.  No part of these can match in two ways, so the
# time is linear.
_LINE = re.compile(rb"(GET|POST) (/[!-~]*) HTTP/1\.1\r\n")
_HEADERS = re.compile(rb"(?:" + _TOKEN + rb":[\t -~]*\r\n)+")

# Browsers send about 15.
_MOST_HEADERS = 100

# benchmarks (memory, accept): the browsers of one page send the same headers.  Larger ones
# are not remembered, so all of them take half a MB at most, and neither are those that
# belong to one user, which are secret.
_REMEMBERED = 64
_REMEMBERED_BYTES = 2048
_OF_ONE_USER = (b"authorization:", b"cookie:")

# These change how the request is read, or what follows it.
_SPECIAL = frozenset((b"transfer-encoding", b"expect", b"upgrade", b"http2-settings"))


class WholeRequest(NamedTuple):
    """
    A request.

    Attributes:
        target: A path, with its query if there is one.

        headers: The values, without white space around them, by their names in lower case.
            No header occurs twice.  Requests with equal headers share them.
    """

    method: bytes
    target: bytes
    headers: Mapping[bytes, bytes]
    body: bytes


def read_whole(data: bytes) -> WholeRequest | None:
    """
    Read *data*, if it is one whole ``GET`` without a body or one whole ``POST``, with
    nothing after it, by a client that keeps the connection.

    Returns:
        ``None`` if it is something else.
    """
    found = _LINE.match(data)
    end = data.find(b"\r\n\r\n") + 2
    if found is None or end <= found.end():
        return None
    method, target = found.groups()
    block, body = data[found.end() : end], data[end + 2 :]
    headers = _remembered(block) if _is_common(block) else _read_headers(block)
    if headers is None or not _has_length(headers.get(b"content-length"), method, len(body)):
        return None
    return WholeRequest(method, target, headers, body)


def _is_common(block: bytes) -> bool:
    """
    Whether others may send the same headers, and soon.
    """
    if len(block) > _REMEMBERED_BYTES:
        return False
    lower = block.lower()
    return not any(one in lower for one in _OF_ONE_USER)


def _read_headers(block: bytes) -> Mapping[bytes, bytes] | None:
    if len(block) > HEADER_BYTES or not _HEADERS.fullmatch(block):
        return None
    lines = block.split(b"\r\n")
    lines.pop()
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip(b" \t")
    if (
        len(headers) != len(lines)
        or len(lines) > _MOST_HEADERS
        or b"host" not in headers
        or not _SPECIAL.isdisjoint(headers)
        or headers.get(b"connection", b"keep-alive").lower() != b"keep-alive"
    ):
        return None
    return headers


_remembered = lru_cache(maxsize=_REMEMBERED)(_read_headers)


def _has_length(given: bytes | None, method: bytes, length: int) -> bool:
    """
    Whether *length* is the length of the body, as *given* says it.
    """
    if method == b"GET":
        return given is None and not length
    # No other way to write the number matters: clients write it so.
    return given == b"%d" % length
