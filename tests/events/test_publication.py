"""
What publishers may pass.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidEvent, InvalidTopic
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication

__all__ = ["PublicationTests"]


class PublicationTests(SynchronousTestCase):
    """
    `Publication.of`.
    """

    def test_data(self) -> None:
        """
        Strings are kept as they are, other values become JSON, events stay unchanged.
        """
        event = ServerSentEvent("x", event="e", id="1", retry=1)
        cases: list[tuple[object, str | None]] = [
            ("x", "x"),
            ("", ""),
            ({"a": [1, "é"]}, '{"a":[1,"é"]}'),
            (None, "null"),
            (7, "7"),
        ]
        for given, expected in cases:
            with self.subTest(given=given):
                self.assertEqual(Publication.of("a", given).event.data, expected)
        self.assertIs(Publication.of("a", event).event, event)

    def test_fields(self) -> None:
        """
        Type, ID and reconnection time become fields of the event, for both kinds of data.
        """
        for data in ("x", ["x"]):
            with self.subTest(data=data):
                event = Publication.of("a", data, event="e", id="1", retry=9).event
                self.assertEqual((event.event, event.id, event.retry), ("e", "1", 9))

    def test_topics(self) -> None:
        """
        One topic or several; private or not.
        """
        one = Publication.of("a", "x")
        several = Publication.of(["a", "b"], "x", private=True)

        self.assertEqual((one.topics, one.private), (("a",), False))
        self.assertEqual((several.topics, several.private), (("a", "b"), True))

    def test_refused(self) -> None:
        """
        Values that would not arrive as they are meant are refused, and so are unusable IDs.
        """
        event = ServerSentEvent("x")
        cases: list[tuple[object, dict[str, Any]]] = [
            (event, {"event": "e"}),
            (event, {"id": "1"}),
            (event, {"retry": 1}),
            ("x", {"id": ""}),
            ("x", {"id": "earliest"}),
            ("x", {"id": " 1"}),
            ("x", {"id": "1\t"}),
            ("x", {"id": "1\n2"}),
            (ServerSentEvent("x", id=""), {}),
            (ServerSentEvent("x", id="earliest"), {}),
            (float("nan"), {}),
            (object(), {}),
        ]
        for data, options in cases:
            with self.subTest(data=data, options=options):
                self.assertRaises(InvalidEvent, Publication.of, "a", data, **options)

    def test_no_topic(self) -> None:
        """
        A publication needs a topic.
        """
        for topics in ([], "", [""]):
            with self.subTest(topics=topics):
                self.assertRaises(InvalidTopic, Publication.of, topics, "x")

    def test_id_limits(self) -> None:
        """
        An ID is at most 1,024 bytes of printable characters: it stands in headers and URLs.
        """
        good = ["a" * 1024, "é" * 512, "grüße/日本", "a b", "a;b&c=d%", '"\\']
        bad = ["a" * 1025, "é" * 513, "a\x01b", "a\x1b[31m", "a\x7fb", "a\tb", "a\x85", "\xa0a"]
        bad += ["a\u202eb", "a\u200bb", "a\u2028b", "\ufeffa"]
        for event_id in good:
            self.assertEqual(Publication.of("a", "x", id=event_id).event.id, event_id)
        for event_id in bad:
            with self.subTest(id=event_id):
                self.assertRaises(InvalidEvent, Publication.of, "a", "x", id=event_id)

    def test_control_events(self) -> None:
        """
        The event types of control events cannot be published.
        """
        for kind in ("stream-open", "stream-reset", "stream-error"):
            with self.subTest(event=kind):
                self.assertRaises(InvalidEvent, Publication.of, "a", "x", event=kind)
                event = ServerSentEvent("x", event=kind)
                self.assertRaises(InvalidEvent, Publication.of, "a", event)

    def test_private(self) -> None:
        """
        `private` is a bool; other true or false values are refused.
        """
        for private in (1, 0, "yes", "no", None, []):
            with self.subTest(private=private):
                options: Any = {"private": private}
                self.assertRaises(InvalidEvent, Publication.of, "a", "x", **options)
