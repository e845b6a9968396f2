"""
The parsing of request targets and of fields.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.heads import content_length, origin_form, readable
from twisted_sse.transport.refusal import Refusal

__all__ = ["ContentLengthTests", "ReadableTests", "TargetTests"]


class TargetTests(SynchronousTestCase):
    """
    `origin_form`.
    """

    CASES = [
        (b"GET", b"/a?b", (b"/a?b", None)),
        (b"GET", b"//a/b", (b"//a/b", None)),
        (b"OPTIONS", b"*", (b"*", None)),
        (b"GET", b"http://a.example/healthz", (b"/healthz", b"a.example")),
        (b"GET", b"HTTPS://a.example:8443/x?y=http://z", (b"/x?y=http://z", b"a.example:8443")),
        (b"GET", b"http://a.example", (b"/", b"a.example")),
        (b"GET", b"http://a.example?b", (b"/?b", b"a.example")),
    ]

    def test_accepted(self) -> None:
        """
        The path and the host are found.
        """
        for method, target, expected in self.CASES:
            with self.subTest(target=target):
                self.assertEqual(origin_form(method, target), expected)

    REFUSED = [
        (b"GET", b"*", 400),
        (b"GET", b"healthz", 400),
        (b"GET", b"ftp://a/b", 400),
        (b"GET", b"http:///b", 400),
        (b"GET", b"http://user:word@a/b", 400),
        (b"GET", b"a.example:80", 400),
        (b"CONNECT", b"a.example:80", 405),
    ]

    def test_refused(self) -> None:
        """
        Other targets are refused.
        """
        for method, target, status in self.REFUSED:
            with self.subTest(target=target):
                with self.assertRaises(Refusal) as caught:
                    origin_form(method, target)
                self.assertEqual(caught.exception.status, status)


class ContentLengthTests(SynchronousTestCase):
    """
    `content_length`.
    """

    def test_numbers(self) -> None:
        """
        Digits are a length.
        """
        self.assertEqual([content_length(one) for one in (b"0", b"007", b"1" * 18)][:2], [0, 7])

    def test_refused(self) -> None:
        """
        Anything else is refused, numbers that no body can have included.
        """
        for value in (b"", b"-1", b"+1", b"1 1", b"1,1", b"0x1", b"\xb2", b"9" * 19, b"9" * 5000):
            with self.subTest(value=value[:20]), self.assertRaises(Refusal):
                content_length(value)


class ReadableTests(SynchronousTestCase):
    """
    `readable`.
    """

    def test_values(self) -> None:
        """
        What is not UTF-8 is taken for ISO-8859-1.
        """
        for value, expected in [
            (b"a", b"a"),
            (b"\xc3\xa4", b"\xc3\xa4"),
            (b"\xe4", b"\xc3\xa4"),
            (b"\xff\xfe", "ÿþ".encode()),
        ]:
            with self.subTest(value=value):
                self.assertEqual(readable(value), expected)
