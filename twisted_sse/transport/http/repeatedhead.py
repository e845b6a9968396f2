"""
The head of a response that is sent again and again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from time import time
from typing import Any

from twisted.web.http import datetimeToString

from twisted_sse.transport.http.plainheaders import canonical

__all__ = ["RepeatedHead"]


class RepeatedHead:
    """
    The head of a response that was sent, but for its date and some other headers.

    Args:
        request: The one that was answered.

        preceding: The name of the header that the others follow.

        others: Their names.
    """

    __slots__ = ("_before", "_between", "_rest")

    def __init__(self, request: Any, preceding: bytes, others: Collection[bytes]) -> None:
        left_out = {canonical(name) for name in others}
        sent = [
            (name, value)
            for name, values in request.responseHeaders.getAllRawHeaders()
            for value in values
            if name not in left_out
        ]
        names = [name for name, _ in sent]
        lines = [b"%b: %b\r\n" % one for one in sent]
        date, last = names.index(b"Date"), names.index(canonical(preceding)) + 1
        status = b"%b %d %b\r\n" % (request.clientproto, request.code, request.code_message)
        self._before = status + b"".join(lines[:date]) + b"Date: "
        self._between = b"\r\n" + b"".join(lines[date + 1 : last])
        self._rest = b"".join(lines[last:]) + b"\r\n"

    def with_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """
        The head with the date of now, and the other *headers*.
        """
        head = self._before + _date(int(time())) + self._between
        for name, value in headers:
            head += b"%b: %b\r\n" % (canonical(name), value)
        return head + self._rest


@lru_cache(maxsize=1)
def _date(seconds: int) -> bytes:
    date: bytes = datetimeToString(seconds)
    return date
