"""
Redis' protocol: bytes into replies, by hiredis.

txredisapi reads replies too, but splits all that is left for each line, which takes four
times as long for an entry of the history.  hiredis may not be installed, so it is imported
when the first connection is made.
"""

from __future__ import annotations

from typing import Any

__all__ = ["BadReply", "Refused", "ReplyParser"]

# No reply is this object.
_NOTHING = object()


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
        from hiredis import Reader

        self._reader = Reader(protocolError=BadReply, replyError=Refused, notEnoughData=_NOTHING)

    def feed(self, data: bytes) -> list[Any]:
        """
        Read what has become complete with *data*.

        Returns:
            Replies: lists, integers, bytes or ``None``; a `Refused` for an error.

        Raises:
            BadReply: This is not Redis' protocol.
        """
        self._reader.feed(data)
        replies: list[Any] = []
        while (reply := self._reader.gets()) is not _NOTHING:
            replies.append(reply)
        return replies
