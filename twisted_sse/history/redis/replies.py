"""
Redis' protocol, version 2: bytes into replies.

Follows https://redis.io/docs/latest/develop/reference/protocol-spec/.  Nothing here does I/O.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["BadReply", "Refused", "ReplyParser"]

# The longest line: a status, an error or a number, in bytes.
_LONGEST_LINE: Final = 16384

# Redis: "By default, a single Redis string can be a maximum of 512 MB".
_LARGEST_STRING: Final = 512 * 1024**2

_END: Final = b"\r\n"


class Refused(Exception):
    """
    Redis has answered with an error.

    Attributes:
        message: Its text, often a code in capitals and a sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadReply(Exception):
    """
    What was received is not Redis' protocol.
    """


class ReplyParser:
    """
    Reads replies from the bytes of one connection, however they are divided.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        # How many more bytes are needed for the string that has begun.
        self._missing = 0
        # The lists that have begun, the outermost first, and how many items each will have.
        self._lists: list[tuple[list[Any], int]] = []

    def feed(self, data: bytes) -> list[Any]:
        """
        Read what has become complete with *data*.

        Returns:
            Replies: lists, integers, bytes or ``None``; a str for a status, and a `Refused` for
            an error.

        Raises:
            BadReply: This is not Redis' protocol.
        """
        self._pieces.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return []
        # Joined only when a string is complete, so that a long one costs no more than its length.
        whole = b"".join(self._pieces)
        try:
            replies, rest = self._read(whole)
        except ValueError:
            raise BadReply("it does not speak Redis' protocol") from None
        self._pieces = [rest] if rest else []
        return replies

    def _read(self, data: bytes) -> tuple[list[Any], bytes]:
        """
        Read replies from *data*; returns them, and the bytes of what is not complete.
        """
        replies: list[Any] = []
        at, self._missing = 0, 0
        while True:
            end = data.find(_END, at)
            if end < 0:
                if len(data) - at > _LONGEST_LINE:
                    raise ValueError("a line is too long")
                return replies, data[at:]
            kind, text, start = data[at : at + 1], data[at + 1 : end], end + 2
            if kind == b"$" and (size := int(text)) >= 0:
                stop = start + size
                if size > _LARGEST_STRING:
                    raise ValueError("a string is too long")
                if stop + 2 > len(data):
                    self._missing = stop + 2 - len(data)
                    return replies, data[at:]
                self._add(data[start:stop], replies)
                at = stop + 2
                continue
            if kind == b"*" and (count := int(text)) > 0:
                self._lists.append(([], count))
            else:
                self._add(_simple(kind, text), replies)
            at = start

    def _add(self, value: Any, replies: list[Any]) -> None:
        """
        Add *value* to the list that it belongs to, or to *replies*, and so on for that list.
        """
        while self._lists:
            items, count = self._lists[-1]
            items.append(value)
            if len(items) < count:
                return
            self._lists.pop()
            value = items
        replies.append(value)


def _simple(kind: bytes, text: bytes) -> Any:
    """
    Make the value of a line that nothing else belongs to.
    """
    match kind:
        case b":":
            return int(text)
        case b"+":
            return text.decode()
        case b"-":
            return Refused(text.decode("utf-8", "replace"))
        case b"*" if text == b"0":
            return []
        case b"*" | b"$" if text == b"-1":
            return None
    raise ValueError("a line begins with something else")
