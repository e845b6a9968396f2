"""
The form that a publisher posts, read as Mercure wants it.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidEvent, InvalidTopic
from twisted_sse.events.publication import Publication
from twisted_sse.web.mercure.publication import FormReader
from twisted_sse.web.mercure.versions import VERSIONS
from twisted_sse.web.problem import Problem

__all__ = ["RefusedTests", "TakenTests"]

Fields = Sequence[tuple[str, str]]

READER = FormReader("/.well-known/mercure", frozenset(VERSIONS))


def read(*fields: tuple[str, str]) -> Publication:
    """
    Read a form of *fields*.
    """
    return READER.read(urlencode(fields).encode("ascii"))


class TakenTests(SynchronousTestCase):
    """
    Forms that are published.
    """

    def test_everything(self) -> None:
        """
        Every field of the protocol has its place.
        """
        publication = read(
            ("topic", "a"),
            ("topic", "b"),
            ("data", "x\ny"),
            ("private", "off"),
            ("id", "urn:1"),
            ("type", "t"),
            ("retry", "0"),
        )

        self.assertEqual(publication.topics, ("a", "b"))
        self.assertTrue(publication.private)
        event = publication.event
        self.assertEqual((event.data, event.id, event.event), ("x\ny", "urn:1", "t"))
        self.assertEqual(event.retry, 0)

    def test_topic_alone(self) -> None:
        """
        Data may be absent, and is empty then.
        """
        publication = read(("topic", "a"))

        self.assertEqual(publication.event.data, "")
        self.assertFalse(publication.private)

    def test_lenient(self) -> None:
        """
        Unknown fields are ignored, and empty ones count as absent.
        """
        event = read(("topic", "a"), ("x", "y"), ("id", ""), ("type", ""), ("retry", "")).event

        self.assertEqual((event.id, event.event, event.retry), (None, None, None))

    def test_repeated(self) -> None:
        """
        The first one of a repeated field counts.
        """
        self.assertEqual(read(("topic", "a"), ("data", "1"), ("data", "2")).event.data, "1")

    def test_private_without_value(self) -> None:
        """
        The field ``private`` needs no value.
        """
        self.assertTrue(READER.read(b"topic=a&private").private)


class RefusedTests(SynchronousTestCase):
    """
    Forms that are refused, with their status.
    """

    TOPIC = ("topic", "a")
    CASES: Sequence[tuple[int, Fields]] = [
        (400, []),
        (400, [("data", "x")]),
        (400, [("Topic", "a")]),
        (400, [("topic", "")]),
        (400, [("topic", "*")]),
        (400, [("topic", "a\x00")]),
        (400, [("topic", "a\x85")]),
        (400, [("topic", "a\u200d")]),
        (400, [("topic", "/.well-known/mercure/x")]),
        (400, [TOPIC, ("topic", "https://x.example/.well-known/mercure")]),
        (413, [("topic", f"{number}") for number in range(101)]),
        (413, [("topic", "ä" * 2049)]),
        (413, [TOPIC, *(("x", "") for _ in range(1200))]),
        (400, [TOPIC, ("id", "#1")]),
        (400, [TOPIC, ("id", "earliest")]),
        (400, [TOPIC, ("id", "a\nb")]),
        (400, [TOPIC, ("id", "a\u200db")]),
        (413, [TOPIC, ("id", "x" * 1025)]),
        (400, [TOPIC, ("type", "mercure")]),
        (400, [TOPIC, ("type", "a\rb")]),
        (400, [TOPIC, ("type", "a\u2060b")]),
        (400, [TOPIC, ("type", "stream-open")]),
        (400, [TOPIC, ("retry", "-1")]),
        (400, [TOPIC, ("retry", "1.5")]),
        (400, [TOPIC, ("retry", "\u0661")]),
        (400, [TOPIC, ("retry", "9" * 30)]),
        (400, [TOPIC, ("retry", "2147483648")]),
    ]

    def test_refused(self) -> None:
        """
        Each form is refused by a sentence.
        """
        for status, fields in self.CASES:
            with self.subTest(status=status, fields=fields[:3]):
                error = self.assertRaises((Problem, InvalidTopic, InvalidEvent), read, *fields)

                self.assertEqual(getattr(error, "status", 400), status)
                self.assertTrue(str(error).endswith("."), str(error))

    def test_encoding(self) -> None:
        """
        A form that is not UTF-8 is refused, encoded or not.
        """
        for body in (b"topic=a&data=%FF", b"topic=\xff"):
            with self.subTest(body=body):
                self.assertRaises(Problem, READER.read, body)

    def test_reserved_in_old_version(self) -> None:
        """
        A hub that speaks only 0.x forbids the reserved topics.
        """
        reader = FormReader("/.well-known/mercure", frozenset({"mercure-0.x"}))
        error = self.assertRaises(Problem, reader.read, b"topic=/.well-known/mercure")

        self.assertEqual(error.status, 403)
