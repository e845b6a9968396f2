"""
Topics that are URLs of the hub, in all ways of writing them.
"""

from time import process_time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.web.mercure.reserved import is_reserved

__all__ = ["ReservedTests"]

HUB = "/.well-known/mercure"


class ReservedTests(SynchronousTestCase):
    """
    Whether a topic is reserved.
    """

    RESERVED = [
        HUB,
        f"{HUB}/",
        f"{HUB}/subscriptions/a/b",
        f"{HUB}?x=1",
        f"{HUB}#x",
        f"https://hub.example{HUB}",
        f"https://elsewhere.example:8080{HUB}/subscriptions",
        f"HTTP://user@hub.example{HUB}",
        f"ftp://hub.example{HUB}",
        f"custom://hub.example{HUB}/x",
        f"custom:{HUB}",
        f"//hub.example{HUB}",
        f"///hub.example{HUB}",
        f"https:///hub.example{HUB}",
        f"https:{HUB}",
        f" {HUB} ",
        "/a/../.well-known/mercure",
        "/.well-known/./mercure",
        "/.well-known/x/%2e%2E/mercure",
        "/%2Ewell-known/%6dercure/x",
        "/.well%2dknown/mercure",
        "\\.well-known\\mercure",
        "https:\\\\hub.example\\.well-known\\mercure",
        "mercure",
        "./mercure/x",
        "../.well-known/mercure",
        "../../../.well-known/mercure",
        "https:mercure",
        "?x",
        "#x",
    ]
    FREE = [
        "/",
        "/.well-known",
        "/.well-known/mercure2",
        "/.well-known/mercur",
        "/.WELL-KNOWN/mercure",
        "/.well-known%2Fmercure",
        "/.well-known//mercure",
        "/.well-known/mercure/..",
        "/x/.well-known/mercure",
        "https://.well-known/mercure",
        "https://hub.example/books/1?next=/.well-known/mercure",
        "https://hub.example/#/.well-known/mercure",
        "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "custom:.well-known/mercure",
        "custom:mercure",
        "custom://hub.example\\.well-known\\mercure",
        "news",
        "subscriptions",
        "mercury",
    ]

    def test_reserved(self) -> None:
        """
        Every way of writing the hub's URL, or one below it, is reserved.
        """
        for topic in self.RESERVED:
            with self.subTest(topic=topic):
                self.assertTrue(is_reserved(topic, HUB))

    def test_free(self) -> None:
        """
        Topics that only look alike are free.
        """
        for topic in self.FREE:
            with self.subTest(topic=topic):
                self.assertFalse(is_reserved(topic, HUB))

    def test_other_path(self) -> None:
        """
        The reserved topics follow the path of the hub.
        """
        self.assertTrue(is_reserved("/hub/x", "/hub"))
        self.assertFalse(is_reserved("/.well-known/mercure", "/hub"))

    @given(st.text(alphabet="/.:%2eEdDaA\\?# http", max_size=60))
    def test_any_text(self, topic: str) -> None:
        """
        Any topic is answered, and dots before it change nothing.
        """
        if topic.startswith("/") and not topic.startswith(("//", "/\\")):
            self.assertEqual(is_reserved(topic, HUB), is_reserved(f"/.{topic}", HUB))
        else:
            self.assertIn(is_reserved(topic, HUB), (True, False))

    def test_cost(self) -> None:
        """
        The longest hostile topics take less than a millisecond each.
        """
        topics = [piece * (4000 // len(piece)) for piece in ("/..", "%2e", "/./", "\\", "a:", "//")]
        began = process_time()
        for topic in topics * 10:
            is_reserved(topic, HUB)

        self.assertLess((process_time() - began) / 60, 0.001)
