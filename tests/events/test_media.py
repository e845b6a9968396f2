"""
The Content-Type header.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.events.media import media_type

__all__ = ["MediaTypeTests"]


class MediaTypeTests(SynchronousTestCase):
    """
    What kind of body is sent.
    """

    CASES = [
        (None, ""),
        ("", ""),
        ("application/json", "application/json"),
        ("Application/JSON", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("  application/json ;charset=utf-8", "application/json"),
        (";", ""),
    ]

    def test_media_type(self) -> None:
        """
        Case and parameters do not matter.
        """
        for header, expected in self.CASES:
            with self.subTest(header=header):
                self.assertEqual(media_type(header), expected)
