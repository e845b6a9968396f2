"""
Frames, and what is put around them.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.framing import chunked, raw

__all__ = ["FramingTests"]


class FramingTests(SynchronousTestCase):
    """
    How a flush is framed for a transport.
    """

    def test_chunked(self) -> None:
        """
        A chunk has its size in hexadecimal, its bytes, and line ends.
        """
        self.assertEqual(chunked(b"x" * 31), b"1f\r\n" + b"x" * 31 + b"\r\n")

    def test_raw(self) -> None:
        """
        The payload is returned unchanged, without a copy.
        """
        payload = b"x" * 31

        self.assertIs(raw(payload), payload)
