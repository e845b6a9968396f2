"""
Requests that have arrived whole; `test_doors_alike` compares what becomes of them.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.http import wholerequest
from twisted_sse.transport.http.wholerequest import read_whole

__all__ = ["WholeRequestTests"]

HEAD = b"POST /a?b HTTP/1.1\r\nHost: c\r\nContent-Length: 1\r\n"


class WholeRequestTests(SynchronousTestCase):
    """
    `read_whole`.
    """

    def test_read(self) -> None:
        """
        The parts of a request; names are in lower case, and values have no white space
        around them.
        """
        found = read_whole(HEAD + b"X-Y: \t z \r\n\r\n{")
        assert found is not None

        self.assertEqual((found.method, found.target, found.body), (b"POST", b"/a?b", b"{"))
        expected = {b"host": b"c", b"content-length": b"1", b"x-y": b"z"}
        self.assertEqual(dict(found.headers), expected)

    def test_not_whole(self) -> None:
        """
        Any part of a request is none.
        """
        whole = HEAD + b"\r\n{"

        self.assertEqual([n for n in range(len(whole)) if read_whole(whole[:n])], [])

    def test_secrets_are_not_remembered(self) -> None:
        """
        Equal headers are read once, unless they have a token or a cookie, or are large.
        """
        cases = [
            (b"Accept: */*\r\n", True),
            (b"AUTHORIZATION: Bearer x\r\n", False),
            (b"Cookie: a=b\r\n", False),
            (b"X: " + b"x" * 2048 + b"\r\n", False),
        ]
        for header, expected in cases:
            with self.subTest(header[:20]):
                wholerequest._remembered.cache_clear()
                first, second = (read_whole(HEAD + header + b"\r\n{") for _ in range(2))
                assert first is not None
                assert second is not None

                self.assertEqual(first.headers is second.headers, expected)
                self.assertEqual(wholerequest._remembered.cache_info().currsize, int(expected))
