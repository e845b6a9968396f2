"""
Reads the statuses that a hub has answered with, over HTTP/1 and HTTP/2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hpack import Decoder

__all__ = ["statuses"]

_STATUS_LINE = re.compile(rb"^HTTP/1\.1 (\d{3}) ", re.MULTILINE)

_HEADERS, _CONTINUATION = 1, 9
_END_HEADERS = 4


def statuses(received: bytes, *, is_http2: bool) -> list[int]:
    """
    The statuses in what a hub has sent, in order.

    Args:
        received: All bytes of a connection; the last HTTP/2 frame may be incomplete.

    Raises:
        HPACKError: A header block of HTTP/2 is wrong.
    """
    if not is_http2:
        return [int(status) for status in _STATUS_LINE.findall(received)]
    decoder = Decoder()
    # A client may have allowed any size, and a bound matters only to what is kept.
    decoder.max_allowed_table_size = 2**32
    found = (dict(decoder.decode(block, raw=True)) for block in _header_blocks(received))
    return [int(fields[b":status"]) for fields in found if b":status" in fields]


def _header_blocks(received: bytes) -> Iterator[bytes]:
    block, at = b"", 0
    while at + 9 <= len(received):
        size, kind, flags = int.from_bytes(received[at : at + 3]), *received[at + 3 : at + 5]
        at += 9 + size
        if kind in (_HEADERS, _CONTINUATION) and at <= len(received):
            # A hub sends neither padding nor priorities.
            block += received[at - size : at]
            if flags & _END_HEADERS:
                yield block
                block = b""
