"""
What two hubs say to each other when one takes over.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.takeover.messages import Answer, Request, read_answer, read_request

__all__ = ["MessagesTests"]


class MessagesTests(SynchronousTestCase):
    """
    `Request` and `Answer`.
    """

    def test_round_trip(self) -> None:
        """
        What is written is read.
        """
        for shared in (True, False):
            self.assertEqual(read_request(Request(shared).encode()), Request(shared))
        for answer in (Answer(["8080", "unix:a\nb"], 38.0), Answer([], refusal="no")):
            self.assertEqual(read_answer(answer.encode()), answer)
            self.assertEqual(answer.encode().count(b"\n"), 1)

    def test_later_members(self) -> None:
        """
        Members that a later version may add are ignored.
        """
        self.assertEqual(read_request(b'{"version": 1, "shared": true, "x": 1}'), Request(True))
        self.assertEqual(read_answer(b'{"ports": ["1"], "x": 1}'), Answer(["1"]))

    def test_refused(self) -> None:
        """
        Everything else is refused.
        """
        for line in (b"", b"GET / HTTP/1.1", b"[]", b'{"version": 2}', b"{}"):
            with self.subTest(line=line), self.assertRaises(ValueError):
                read_request(line)
        for line in (b"", b"[]", b"HTTP/1.1 400 Bad Request"):
            with self.subTest(line=line), self.assertRaises(ValueError):
                read_answer(line)
