"""
Numbers, times and sizes, as written on a command line.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse import units

__all__ = ["ArgumentTests", "TokenTests", "ValueTests"]


class ValueTests(SynchronousTestCase):
    """
    Numbers, times, sizes, and yes and no.
    """

    GOOD: list[tuple[Callable[[str], object], str, object]] = [
        (units.count, "1", 1),
        (units.count, "0010", 10),
        (units.count, "1000000", 1_000_000),
        (units.milliseconds, "0", 0),
        (units.milliseconds, "3000", 3000),
        (units.milliseconds, "2147483647", 2**31 - 1),
        (units.seconds, "0", 0.0),
        (units.seconds, "15", 15.0),
        (units.seconds, "0.5", 0.5),
        (units.interval, "off", None),
        (units.interval, "none", None),
        (units.interval, "15", 15.0),
        (units.interval, "0.5", 0.5),
        (units.size, "1", 1),
        (units.size, "65536", 65536),
        (units.size, "64KiB", 65536),
        (units.size, "64 KiB", 65536),
        (units.size, "16mib", 16 * 1024**2),
        (units.size, "1GiB", 1024**3),
        (units.yes_or_no, "yes", True),
        (units.yes_or_no, "no", False),
    ]

    BAD: list[tuple[Callable[[str], object], list[str]]] = [
        (units.count, ["", "0", "-1", "1.5", "many", " 1", "1_000", "٣", "²", "9" * 5000]),
        (units.milliseconds, ["", "-1", "1.5", "3s", "٣", "2147483648"]),
        (units.seconds, ["", "-1", ".5", "5.", "1e3", "inf", "nan", "15s", "٣", "9" * 400]),
        (units.interval, ["", "0", "0.0", "-1", "on", "Off", "nan", "inf", "9" * 400]),
        (units.size, ["", "0", "0KiB", "64KB", "64k", "-1", "1.5MiB", "KiB", "1 TiB", "٣"]),
        (units.yes_or_no, ["", "Yes", "y", "true", "1", "yes "]),
    ]

    def test_good(self) -> None:
        """
        Valid texts are read.
        """
        for read, text, expected in self.GOOD:
            with self.subTest(read=read.__name__, text=text):
                value = read(text)

                self.assertEqual(value, expected)
                self.assertIs(type(value), type(expected))

    def test_bad(self) -> None:
        """
        Invalid texts are refused.
        """
        for read, texts in self.BAD:
            for text in texts:
                name = read.__name__
                with self.subTest(read=name, text=text[:20]), self.assertRaises(ValueError):
                    read(text)

    def test_no_limit(self) -> None:
        """
        A limit is what is read, or none.
        """
        read = units.limit(units.size)
        self.assertEqual([read("none"), read("1KiB")], [None, 1024])

        for text in ("None", "off", "", "0"):
            with self.subTest(text=text):
                with self.assertRaises(ValueError) as caught:
                    read(text)

                self.assertTrue(str(caught.exception).endswith("; write 'none' for no limit"))

    def test_error_quotes(self) -> None:
        """
        An error quotes the text.
        """
        for read in (units.count, units.milliseconds, units.seconds, units.size):
            with self.subTest(read=read.__name__):
                with self.assertRaises(ValueError) as caught:
                    read("many")

                self.assertIn("'many'", str(caught.exception))


class ArgumentTests(SynchronousTestCase):
    """
    ``name=value,name=value``.
    """

    READERS: dict[str, Callable[[str], Any]] = {"events": units.count, "file": str}

    BAD = [
        ("event=1", "'event' is unknown: use events, file"),
        ("Events=1", "'Events' is unknown: use events, file"),
        (" events=1", "' events' is unknown: use events, file"),
        ("=1", "'' is unknown: use events, file"),
        ("events=1;file=x", "events: '1;file=x' is not a whole number greater than 0"),
        ("events=1,events=1", "'events' is given twice"),
        ("events", "'events' has no value"),
        ("events=", "'events' has no value"),
        ("events=many", "events: 'many' is not a whole number greater than 0"),
        ("file=a,b", "'b' is unknown: use events, file"),
    ]

    def test_nothing(self) -> None:
        """
        An empty text, and commas alone, give no values.
        """
        for text in ("", ",", ",,"):
            with self.subTest(text=text):
                self.assertEqual(units.arguments(text, self.READERS), {})

    def test_good(self) -> None:
        """
        Each value is read by its own reader, in any order.
        """
        given = units.arguments("file=/run/x,events=5", self.READERS)

        self.assertEqual(given, {"events": 5, "file": "/run/x"})

    def test_equals_sign(self) -> None:
        """
        A value may contain an equals sign: the name ends at the first.
        """
        self.assertEqual(units.arguments("file=a=b", self.READERS), {"file": "a=b"})

    def test_bad(self) -> None:
        """
        The error names the mistake.
        """
        for text, expected in self.BAD:
            with self.subTest(text=text):
                with self.assertRaises(ValueError) as caught:
                    units.arguments(text, self.READERS)

                self.assertEqual(str(caught.exception), expected)


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
        Each line is a token; empty lines, white space and a byte-order mark are ignored.
        """
        for content in (
            b"one\ntwo\n",
            b"one\r\ntwo",
            b"\n  one\t\n\n two \n\n",
            b"\xef\xbb\xbfone\r\ntwo\r\n",
        ):
            with self.subTest(content=content):
                self.assertEqual(units.read_tokens(self._file(content)), ["one", "two"])

    def test_words(self) -> None:
        """
        A line of several words is refused.
        """
        with self.assertRaises(ValueError):
            units.read_tokens(self._file(b"correct horse battery\n"))

    def test_not_readable(self) -> None:
        """
        The error names a file that is missing, a directory, not text, or empty.
        """
        missing = self.mktemp()
        directory = Path(self.mktemp())
        directory.mkdir()
        for path, reason in (
            (missing, "No such file"),
            (str(directory), "directory"),
            (self._file(b"\xff\xfe"), "UTF-8"),
            (self._file(b""), "empty"),
            (self._file(b"\xef\xbb\xbf\n"), "empty"),
            (self._file(b"\n \n"), "empty"),
            (self._file(b"one\x00\n"), "control character"),
        ):
            with self.subTest(reason=reason):
                with self.assertRaises(ValueError) as caught:
                    units.read_tokens(path)

                self.assertIn(path, str(caught.exception))
                self.assertIn(reason, str(caught.exception))
