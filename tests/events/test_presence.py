"""
What is told about who is on a topic.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidEvent
from twisted_sse.events.presence import (
    MAX_INFO_SIZE,
    MAX_NAMED,
    PRESENCE_EVENTS,
    PresenceMember,
    count_event,
    encode_info,
    join_event,
    leave_event,
    presence_data,
    state_event,
)
from twisted_sse.events.publication import Publication

__all__ = ["DataTests", "InfoTests"]

ADA = PresenceMember("ada", {"name": "Ada"})


class DataTests(SynchronousTestCase):
    """
    Answers and events.
    """

    def test_names(self) -> None:
        """
        With permission, the members are named.
        """
        self.assertEqual(
            presence_data("a", 3, 2, [ADA]),
            {
                "topic": "a",
                "count": 3,
                "anonymous": 2,
                "members": [{"user": "ada", "info": {"name": "Ada"}}],
            },
        )

    def test_count_only(self) -> None:
        """
        Without permission there is only a count.
        """
        self.assertEqual(presence_data("a", 3, 2, None), {"topic": "a", "count": 3})

    def test_bound(self) -> None:
        """
        One answer names a thousand members at most.
        """
        many = [PresenceMember(str(number)) for number in range(MAX_NAMED + 5)]

        self.assertEqual(len(presence_data("a", len(many), 0, many)["members"]), MAX_NAMED)

    def test_events(self) -> None:
        """
        Each event has its type and no ID, and its data is JSON.
        """
        events = [
            state_event(presence_data("a", 1, 0, None)),
            join_event("a", 2, ADA),
            leave_event("a", 1, "ada"),
            count_event("a", 4),
        ]

        self.assertEqual({event.event for event in events}, PRESENCE_EVENTS)
        self.assertEqual({event.id for event in events}, {None})
        self.assertEqual(
            [event.json() for event in events],
            [
                {"topic": "a", "count": 1},
                {"topic": "a", "count": 2, "user": "ada", "info": {"name": "Ada"}},
                {"topic": "a", "count": 1, "user": "ada"},
                {"topic": "a", "count": 4},
            ],
        )

    def test_not_published(self) -> None:
        """
        Nobody can publish what looks like presence.
        """
        for kind in PRESENCE_EVENTS:
            with self.assertRaises(InvalidEvent) as caught:
                Publication.of("a", "x", event=kind)
            self.assertIn(f"The event type {kind!r} is reserved", str(caught.exception))


class InfoTests(SynchronousTestCase):
    """
    What others are told about a user.
    """

    def test_json(self) -> None:
        """
        Any JSON is possible; None is nothing.
        """
        self.assertIsNone(encode_info(None))
        self.assertEqual(encode_info({"é": [1, None]}), '{"é":[1,null]}')

    def test_refused(self) -> None:
        """
        What is no JSON or too large is refused with a sentence that names it.
        """
        cases = [
            (object(), TypeError, "info is <object"),
            (float("nan"), ValueError, "info is nan: give a value that JSON can represent"),
            ("\ud800", ValueError, "give a value that JSON can represent"),
            ("x" * MAX_INFO_SIZE, ValueError, "info has 1026 bytes as JSON: give at most 1024"),
        ]
        for info, error, sentence in cases:
            with self.assertRaises(error) as caught:
                encode_info(info)
            self.assertIn(sentence, str(caught.exception))
