"""
What a hub on its own is made of.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server import config
from twisted_sse.server.config import Config, InvalidOption

__all__ = ["ConfigTests"]


class ConfigTests(SynchronousTestCase):
    """
    All of it together.
    """

    def test_defaults(self) -> None:
        """
        The defaults are those that the documentation promises.
        """
        default = Config()

        self.assertEqual(default.ports, ("8080",))
        self.assertIsNone(default.history)
        self.assertEqual(default.keepalive, 15.0)
        self.assertEqual(default.retry, 3000)
        self.assertEqual(default.cors_origins, ())
        self.assertTrue(default.anonymous)
        self.assertEqual(default.publish_tokens, ())
        self.assertEqual((default.tls_cert, default.tls_key), ((), ()))
        self.assertIsNone(default.tls_passphrase)
        self.assertIsNone(default.max_connections)
        self.assertIsNone(default.max_connections_per_address)
        self.assertEqual(default.max_topics, 100)
        self.assertEqual(default.max_body, 1024 * 1024)
        self.assertEqual(default.send_timeout, 60.0)
        self.assertEqual(default.grace, 10.0)
        self.assertFalse(default.demo)

    def test_from_options(self) -> None:
        """
        Options have their names with dashes; what is empty keeps its default.
        """
        made = config.from_options(
            {"max-topics": 7, "publish-token-file": ["x"], "anonymous": False},
            ports=[],
            cors_origins=["*"],
            demo=False,
        )

        self.assertEqual(
            made,
            Config(max_topics=7, publish_tokens=["x"], anonymous=False, cors_origins=["*"]),
        )

    def test_none_is_a_value(self) -> None:
        """
        An option that was switched off stays off.
        """
        self.assertIsNone(config.from_options({"keepalive": None}).keepalive)

    def test_frozen(self) -> None:
        """
        A configuration does not change.
        """
        with self.assertRaises(AttributeError):
            Config().retry = 1  # type: ignore[misc]

    def test_unfit(self) -> None:
        """
        What cannot be obeyed names its option and its reason.
        """
        unfit = InvalidOption("port", ValueError("it is taken"))

        self.assertEqual((unfit.option, unfit.reason), ("port", "it is taken"))
