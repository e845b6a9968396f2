"""
Redis' protocol: bytes into replies.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.history.redis.replies import BadReply, Refused, ReplyParser

__all__ = ["ReplyParserTests"]


def comparable(reply: Any) -> Any:
    """
    Replace errors, which are equal only to themselves, by their messages.
    """
    if isinstance(reply, list):
        return [comparable(one) for one in reply]
    return ("error", reply.message) if isinstance(reply, Refused) else reply


class ReplyParserTests(SynchronousTestCase):
    """
    `ReplyParser`.
    """

    CASES = [
        (b"+OK\r\n", "OK"),
        (b"-ERR no\r\n", ("error", "ERR no")),
        (b"-\xff\r\n", ("error", "\ufffd")),
        (b":-12\r\n", -12),
        (b"$0\r\n\r\n", b""),
        (b"$7\r\na\r\n+\xff:b\r\n", b"a\r\n+\xff:b"),
        (b"$-1\r\n", None),
        (b"*0\r\n", []),
        (b"*-1\r\n", None),
        (b"*2\r\n$1\r\na\r\n:1\r\n", [b"a", 1]),
        (b"*3\r\n*0\r\n*1\r\n*2\r\n+a\r\n-b\r\n$-1\r\n", [[], [["a", ("error", "b")]], None]),
    ]

    BAD = [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\r\n",
        b"$x\r\n",
        b"*-2\r\n",
        b"$-2\r\n",
        b":1.5\r\n",
        b"+\xff\r\n",
        b"$600000000\r\n",
        b"x" * 17000,
    ]

    def read(self, *pieces: bytes) -> list[Any]:
        """
        Feed a parser, and return the replies.
        """
        parser = ReplyParser()
        return [comparable(reply) for piece in pieces for reply in parser.feed(piece)]

    def test_whole(self) -> None:
        """
        Each kind of reply becomes its value.
        """
        for data, reply in self.CASES:
            with self.subTest(data=data):
                self.assertEqual(self.read(data), [reply])

    def test_divided(self) -> None:
        """
        Wherever the bytes are divided, the replies are the same, and none comes too early.
        """
        data = b"".join(one for one, _ in self.CASES)
        replies = [reply for _, reply in self.CASES]
        for place in range(len(data) + 1):
            self.assertEqual(self.read(data[:place], data[place:]), replies)
        self.assertEqual(self.read(*[bytes([one]) for one in data]), replies)

    def test_large(self) -> None:
        """
        A string that comes in many pieces is joined when it is complete.
        """
        piece = b"x" * 1000
        pieces = [b"*2\r\n$2000000\r\n", *[piece] * 2000, b"\r\n", b"$1\r\ny\r\n+OK\r\n"]

        self.assertEqual(self.read(*pieces), [[piece * 2000, b"y"], "OK"])

    def test_bad(self) -> None:
        """
        What is not Redis' protocol is refused.
        """
        for data in self.BAD:
            with self.subTest(data=data[:20]), self.assertRaises(BadReply):
                self.read(data)
