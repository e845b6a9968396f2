"""
The configuration of a standalone hub.
"""

import inspect
import os
from dataclasses import fields

from twisted.trial.unittest import SynchronousTestCase

import twisted_sse
from twisted_sse.server.config.config import Config, default_config, read_config
from twisted_sse.server.config.option import Given, InvalidOption
from twisted_sse.server.config.options import OPTIONS, option_named

__all__ = ["ConfigTests", "OptionTests"]


class ConfigTests(SynchronousTestCase):
    """
    `Config`, `read_config` and `default_config`.
    """

    def test_defaults(self) -> None:
        """
        The defaults are the documented ones.
        """
        default = default_config()

        self.assertEqual(default.ports, ["8080"])
        self.assertIsNone(default.history)
        self.assertEqual(default.keepalive, 15.0)
        self.assertEqual(default.retry, 3000)
        self.assertEqual(default.cors_origins, ())
        self.assertTrue(default.anonymous)
        self.assertIsNone(default.publish_tokens)
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

    def test_given(self) -> None:
        """
        What is given is read, and the rest has its default.
        """
        given = {
            "max-topics": Given(("7",), "here", "here"),
            "cors-origin": Given(("https://a.example", "https://b.example"), "here", "here"),
        }

        self.assertEqual(
            read_config(given),
            default_config(max_topics=7, cors_origins=["https://a.example", "https://b.example"]),
        )

    def test_workers(self) -> None:
        """
        The number of workers is given, or that of the processors that may be used.
        """
        given = {"workers": Given(("auto",), "command line", "--workers")}
        automatic = read_config(given).workers

        self.assertEqual(automatic, len(os.sched_getaffinity(0)))
        self.assertEqual(option_named("workers").read(["3"]), 3)
        for wrong in ("0", "-1", "all", "1.5"):
            with self.assertRaisesRegex(InvalidOption, "greater than 0, and not auto"):
                option_named("workers").read([wrong])

    def test_off(self) -> None:
        """
        An option that is switched off is None, not its default.
        """
        self.assertIsNone(read_config({"keepalive": Given(("off",), "", "")}).keepalive)

    def test_invalid(self) -> None:
        """
        The error has the name of the option and the reason.
        """
        with self.assertRaises(InvalidOption) as caught:
            read_config({"retry": Given(("-1",), "", "")})

        self.assertEqual(caught.exception.option, "retry")
        self.assertEqual(caught.exception.reason, "'-1' is not a whole number of milliseconds")

    def test_frozen(self) -> None:
        """
        A configuration cannot be changed.
        """
        with self.assertRaises(AttributeError):
            default_config().retry = 1  # type: ignore[misc]


class OptionTests(SynchronousTestCase):
    """
    The table of options.
    """

    def test_fields(self) -> None:
        """
        Each option sets an attribute of its own, and none is left over.
        """
        self.assertCountEqual(
            [option.field for option in OPTIONS], [field.name for field in fields(Config)]
        )

    def test_variables(self) -> None:
        """
        The environment variables differ.
        """
        self.assertEqual(len({option.variable for option in OPTIONS}), len(OPTIONS))
        self.assertEqual(option_named("max-body").variable, "TWISTED_SSE_MAX_BODY")

    def test_usage(self) -> None:
        """
        The line of ``--help`` has the default, and says whether the option may be repeated.
        """
        self.assertEqual(
            option_named("max-topics").usage, "The most topics in one subscription [100]."
        )
        self.assertTrue(option_named("port").usage.endswith("; repeatable [8080]."))

    def test_sentences(self) -> None:
        """
        Every help is a sentence that lacks only its period.
        """
        for option in OPTIONS:
            with self.subTest(option=option.name):
                self.assertRegex(option.help, r"^[A-Z].*[^.]$")
                self.assertRegex(option.more, r"^$|^[A-Z`].*\.$")

    def test_memory(self) -> None:
        """
        The documented default of ``--history`` is that of `MemoryHistory`.
        """
        signature = inspect.signature(twisted_sse.MemoryHistory).parameters
        bounds = [signature[name].default for name in ("events", "bytes", "age")]

        self.assertEqual(option_named("history").silent, "memory:events=10000,bytes=64MiB,age=3600")
        self.assertEqual(bounds, [10000, 64 * 1024 * 1024, 3600])
