"""
How strings on a command line say what a hub is made of.
"""

from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse import config
from twisted_sse.config import Config, Unfit
from twisted_sse.errors import UnknownEventID
from twisted_sse.publication import Publication
from twisted_sse.topics import Selection

EVERYTHING = Selection.of("*")


class ValueTests(SynchronousTestCase):
    """
    Numbers, times, sizes, and yes and no.
    """

    GOOD: list[tuple[Callable[[str], object], str, object]] = [
        (config.count, "1", 1),
        (config.count, "0010", 10),
        (config.count, "1000000", 1_000_000),
        (config.milliseconds, "0", 0),
        (config.milliseconds, "3000", 3000),
        (config.milliseconds, "2147483647", 2**31 - 1),
        (config.seconds, "0", 0.0),
        (config.seconds, "15", 15.0),
        (config.seconds, "0.5", 0.5),
        (config.interval, "off", None),
        (config.interval, "15", 15.0),
        (config.interval, "0.5", 0.5),
        (config.size, "1", 1),
        (config.size, "65536", 65536),
        (config.size, "64KiB", 65536),
        (config.size, "64 KiB", 65536),
        (config.size, "16mib", 16 * 1024**2),
        (config.size, "1GiB", 1024**3),
        (config.yes_or_no, "yes", True),
        (config.yes_or_no, "no", False),
    ]

    BAD: list[tuple[Callable[[str], object], list[str]]] = [
        (config.count, ["", "0", "-1", "1.5", "many", " 1", "1_000", "٣", "²", "9" * 5000]),
        (config.milliseconds, ["", "-1", "1.5", "3s", "٣", "2147483648"]),
        (config.seconds, ["", "-1", ".5", "5.", "1e3", "inf", "nan", "15s", "٣", "9" * 400]),
        (config.interval, ["", "0", "0.0", "-1", "on", "Off", "nan", "inf", "9" * 400]),
        (config.size, ["", "0", "0KiB", "64KB", "64k", "-1", "1.5MiB", "KiB", "1 TiB", "٣"]),
        (config.yes_or_no, ["", "Yes", "y", "true", "1", "yes "]),
    ]

    def test_good(self) -> None:
        """
        Each is read as it is meant.
        """
        for read, text, expected in self.GOOD:
            with self.subTest(read=read.__name__, text=text):
                value = read(text)

                self.assertEqual(value, expected)
                self.assertIs(type(value), type(expected))

    def test_bad(self) -> None:
        """
        What is none is refused.
        """
        for read, texts in self.BAD:
            for text in texts:
                name = read.__name__
                with self.subTest(read=name, text=text[:20]), self.assertRaises(ValueError):
                    read(text)

    def test_error_quotes(self) -> None:
        """
        An error quotes what was given.
        """
        for read in (config.count, config.milliseconds, config.seconds, config.size):
            with self.subTest(read=read.__name__):
                with self.assertRaises(ValueError) as caught:
                    read("many")

                self.assertIn("'many'", str(caught.exception))


class TokenTests(SynchronousTestCase):
    """
    The file of tokens.
    """

    def _file(self, content: bytes) -> str:
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(path)

    def test_lines(self) -> None:
        """
        Each line is a token; empty lines and white space around tokens are nothing.
        """
        for content in (b"one\ntwo\n", b"one\r\ntwo", b"\n  one\t\n\n two \n\n"):
            with self.subTest(content=content):
                self.assertEqual(config.read_tokens(self._file(content)), ["one", "two"])

    def test_words(self) -> None:
        """
        A line of several words is no token: it is refused, and not taken for several.
        """
        with self.assertRaises(ValueError):
            config.read_tokens(self._file(b"correct horse battery\n"))

    def test_not_readable(self) -> None:
        """
        A file that is missing, a directory, no text, or empty is named in the error.
        """
        missing = self.mktemp()
        directory = Path(self.mktemp())
        directory.mkdir()
        for path, reason in (
            (missing, "No such file"),
            (str(directory), "directory"),
            (self._file(b"\xff\xfe"), "UTF-8"),
            (self._file(b""), "empty"),
            (self._file(b"\n \n"), "empty"),
        ):
            with self.subTest(reason=reason):
                with self.assertRaises(ValueError) as caught:
                    config.read_tokens(path)

                self.assertIn(path, str(caught.exception))
                self.assertIn(reason, str(caught.exception))


class HistoryTests(SynchronousTestCase):
    """
    ``memory:events=10000,bytes=64MiB,age=3600``.
    """

    BAD = [
        ("", "memory:"),
        ("disk", "'disk'"),
        ("Memory", "'Memory'"),
        ("memory:size=1", "'size'"),
        ("memory:events", "''"),
        ("memory:events=0", "'0'"),
        ("memory:events=many", "'many'"),
        ("memory:bytes=1TiB", "'1TiB'"),
        ("memory:age=0", "age"),
        ("memory:age=-1", "'-1'"),
        ("memory:events=5;age=3", "'5;age=3'"),
    ]

    def _kept(self, text: str, *data: str) -> list[str | None]:
        history = config.history(text)
        for one in data:
            history.append([Publication.of("a", one)])
        return [kept.publication.event.data for kept in history.since(None, EVERYTHING, 99)]

    def test_default(self) -> None:
        """
        Nothing needs to be said.
        """
        for text in ("memory", "memory:", "memory:,"):
            with self.subTest(text=text):
                self.assertEqual(self._kept(text, "x", "y"), ["x", "y"])

    def test_events(self) -> None:
        """
        The number of events is bounded.
        """
        self.assertEqual(self._kept("memory:events=2", "x", "y", "z"), ["y", "z"])

    def test_bytes(self) -> None:
        """
        So is their size.
        """
        big = "x" * 5000

        self.assertEqual(self._kept("memory:bytes=9KiB", big, "y"), [big, "y"])
        self.assertEqual(self._kept("memory:bytes=9KiB", big, big, "y"), [big, "y"])

    def test_age(self) -> None:
        """
        So is their age, in seconds: a tenth of a microsecond is over at once.
        """
        self.assertEqual(self._kept("memory:age=3600", "x"), ["x"])
        self.assertEqual(self._kept("memory:age=0.0000001", "x"), [])

    def test_all(self) -> None:
        """
        Bounds are put together with commas, in any order.
        """
        self.assertEqual(self._kept("memory:age=60,bytes=1GiB,events=1", "x", "y"), ["y"])

    def test_forgotten(self) -> None:
        """
        What is forgotten is known to be.
        """
        history = config.history("memory:events=1")
        first, _ = history.append([Publication.of("a", "x"), Publication.of("a", "y")])
        history.append([Publication.of("a", "z")])

        with self.assertRaises(UnknownEventID):
            history.since(first.id, EVERYTHING, 99)

    def test_bad(self) -> None:
        """
        The mistake is quoted.
        """
        for text, hint in self.BAD:
            with self.subTest(text=text):
                with self.assertRaises(ValueError) as caught:
                    config.history(text)

                self.assertIn(hint, str(caught.exception))


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
        self.assertIsNone(default.tls_cert)
        self.assertIsNone(default.tls_key)
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
        unfit = Unfit("port", ValueError("it is taken"))

        self.assertEqual((unfit.option, unfit.reason), ("port", "it is taken"))
