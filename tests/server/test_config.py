"""
The configuration of a standalone hub.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server import config
from twisted_sse.server.config import Config, InvalidOption

__all__ = ["ConfigTests"]


class ConfigTests(SynchronousTestCase):
    """
    `Config`, `from_options` and `InvalidOption`.
    """

    def test_defaults(self) -> None:
        """
        The defaults are the documented ones.
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
        self.assertEqual(default.max_connections, "auto")
        self.assertEqual(default.max_connections_per_address, "auto")
        self.assertEqual(default.max_topics, 100)
        self.assertEqual(default.max_body, 1024 * 1024)
        self.assertEqual(default.send_timeout, 60.0)
        self.assertEqual((default.grace, default.spread), (8.0, 10.0))
        self.assertIsNone(default.retry_spread)
        self.assertFalse(default.demo)

    def test_from_options(self) -> None:
        """
        Options have names with dashes; arguments that are empty keep their defaults.
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
        An option that is switched off is None, not its default.
        """
        self.assertIsNone(config.from_options({"keepalive": None}).keepalive)

    def test_frozen(self) -> None:
        """
        A configuration cannot be changed.
        """
        with self.assertRaises(AttributeError):
            Config().retry = 1  # type: ignore[misc]

    def test_invalid_option(self) -> None:
        """
        The error has the name of the option and the reason.
        """
        error = InvalidOption("port", ValueError("it is taken"))

        self.assertEqual((error.option, error.reason), ("port", "it is taken"))
