"""
URLs as people type them.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.address import address_of

__all__ = ["AddressTests"]


class AddressTests(SynchronousTestCase):
    """
    Parsing URLs.
    """

    CASES = [
        ("localhost:8080", "http://localhost:8080/events", True),
        ("http://localhost:8080", "http://localhost:8080/events", True),
        ("https://x.example/?topic=a", "https://x.example/?topic=a", False),
        ("localhost/stream", "http://localhost/stream", False),
        ("HTTP://[::1]:80/é?topic=ü#top", "http://[::1]:80/%C3%A9?topic=%C3%BC", False),
        ("http://bücher.example/a%20b", "http://xn--bcher-kva.example/a%20b", False),
    ]

    def test_read(self) -> None:
        """
        Text becomes an absolute URL in ASCII; a missing path becomes that of a hub.
        """
        for text, url, completed in self.CASES:
            self.assertEqual(address_of(text), (url, completed))

    def test_wrong(self) -> None:
        """
        Text that is not a URL raises ValueError with an explanation.
        """
        for text in ("", "ftp://x", "http://", "x:port", "x:0", "a b", "http://u:p@x/", "x:99999"):
            with self.assertRaises(ValueError) as caught:
                address_of(text)

            self.assertTrue(str(caught.exception), text)

    def test_topics(self) -> None:
        """
        Topics are added to those of the URL, and removed for publishing.
        """
        address = address_of("http://x/events?topic=a&token=t")

        self.assertEqual(
            address.with_topics(["*", "b&c"]), "http://x/events?topic=a&token=t&topic=*&topic=b%26c"
        )
        self.assertEqual(address.without_topics(), "http://x/events?token=t")
        self.assertEqual(address.topics(), ["a"])
