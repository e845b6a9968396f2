"""
Events: accepted and refused arguments, and JSON.
"""

import dataclasses
import json
import pickle
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import MAX_RETRY, ServerSentEvent

__all__ = ["AcceptedTests", "JSONTests", "RefusedTests"]

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # A lone surrogate cannot be sent.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=10,
)


class AcceptedTests(SynchronousTestCase):
    """
    Arguments that make an event.
    """

    def test_positions(self) -> None:
        """
        The order of the arguments is data, event, id, retry, comment.
        """
        event = ServerSentEvent("d", "e", "i", 1, "c")

        self.assertEqual(event, ServerSentEvent(data="d", event="e", id="i", retry=1, comment="c"))

    def test_frozen(self) -> None:
        """
        An event cannot be changed, and has no other attributes.
        """
        event = ServerSentEvent("a")

        with self.assertRaises(dataclasses.FrozenInstanceError):
            event.data = "b"  # type: ignore[misc]
        self.assertFalse(hasattr(event, "__dict__"))

    def test_values(self) -> None:
        """
        Events with equal fields are equal and have equal hashes.
        """
        self.assertEqual(ServerSentEvent("a", id="1"), ServerSentEvent("a", id="1"))
        self.assertEqual(hash(ServerSentEvent("a", id="1")), hash(ServerSentEvent("a", id="1")))
        self.assertNotEqual(ServerSentEvent("a", id="1"), ServerSentEvent("a", id=""))

    def test_line_ends(self) -> None:
        """
        Line ends in data and comment become LF, which is how they arrive.
        """
        event = ServerSentEvent("a\r\nb\rc\nd\r\r\n", comment="x\ry")

        self.assertEqual(event.data, "a\nb\nc\nd\n\n")
        self.assertEqual(event.comment, "x\ny")

    def test_any_text(self) -> None:
        """
        Everything in data except line ends is unchanged.
        """
        text = "\0 \x0b\x0c\x1c\x85\u2028\ufeff\U0001f600"

        self.assertEqual(ServerSentEvent(text).data, text)

    def test_replace(self) -> None:
        """
        `dataclasses.replace` makes a changed copy.
        """
        event = dataclasses.replace(ServerSentEvent("a", event="t"), id="1")

        self.assertEqual(event, ServerSentEvent("a", "t", "1"))

    def test_pickle(self) -> None:
        """
        An event can be pickled.
        """
        event = ServerSentEvent("a", "t", "1", 5, "c")

        self.assertEqual(pickle.loads(pickle.dumps(event)), event)

    def test_enum(self) -> None:
        """
        A member of an enumeration of strings is replaced by its value.
        """

        class Kind(str, Enum):  # noqa: UP042 - a StrEnum is formatted as its value anyway
            ADD = "add"

        event = ServerSentEvent(Kind.ADD, event=Kind.ADD, id=Kind.ADD)

        self.assertEqual({type(event.data), type(event.event), type(event.id)}, {str})
        self.assertEqual((event.data, event.event, event.id), ("add", "add", "add"))

    def test_retry_bounds(self) -> None:
        """
        The reconnection time may be 0 to `MAX_RETRY`.
        """
        for retry in (0, 1, MAX_RETRY):
            self.assertEqual(ServerSentEvent(retry=retry).retry, retry)


class RefusedTests(SynchronousTestCase):
    """
    Arguments that raise InvalidEvent, with a sentence that says what to do.
    """

    CASES: list[tuple[dict[str, Any], str]] = [
        ({}, "The event is empty: give it data, or at least a comment."),
        ({"data": 1}, "The data is a int: use ServerSentEvent.json(...) for values."),
        ({"data": b"a"}, "The data is a bytes: use ServerSentEvent.json(...) for values."),
        ({"data": {}}, "The data is a dict: use ServerSentEvent.json(...) for values."),
        ({"event": b"a"}, "The event is a bytes: give a str."),
        ({"id": 1}, "The id is a int: give a str."),
        ({"comment": 1}, "The comment is a int: give a str."),
        ({"event": "a\nb"}, "The event contains a line break: it must be one line."),
        ({"event": "a\r"}, "The event contains a line break: it must be one line."),
        ({"event": ""}, "The event type is empty: use None for the default type."),
        ({"id": "a\nb"}, "The id contains a line break: it must be one line."),
        ({"id": "\r"}, "The id contains a line break: it must be one line."),
        (
            {"id": "a\0"},
            "The id contains a NUL, and clients ignore such an ID: remove it.",
        ),
        ({"retry": True}, "The retry is a bool: give whole milliseconds, int."),
        ({"retry": 1.0}, "The retry is a float: give whole milliseconds, int."),
        ({"retry": "1"}, "The retry is a str: give whole milliseconds, int."),
        ({"retry": -1}, "The retry is out of range: give 0 to 2147483647 milliseconds."),
        (
            {"retry": MAX_RETRY + 1},
            "The retry is out of range: give 0 to 2147483647 milliseconds.",
        ),
    ]

    def test_refused(self) -> None:
        """
        Each mistake has its own sentence.
        """
        for arguments, sentence in self.CASES:
            with self.subTest(arguments=arguments), self.assertRaises(InvalidEvent) as caught:
                ServerSentEvent(**arguments)

            self.assertEqual(str(caught.exception), sentence)

    def test_surrogates(self) -> None:
        """
        A lone surrogate is refused in every field, because UTF-8 cannot express it.
        """
        for name in ("data", "event", "id", "comment"):
            arguments: dict[str, Any] = {name: "a\ud800"}
            with self.subTest(name=name), self.assertRaises(InvalidEvent) as caught:
                ServerSentEvent(**arguments)

            self.assertIn(f"The {name} contains a lone surrogate at index 1", str(caught.exception))

    def test_value_error(self) -> None:
        """
        InvalidEvent is a ValueError.
        """
        with self.assertRaises(ValueError):
            ServerSentEvent(retry=-1)


@dataclass
class Point:
    """
    A value that JSON does not know.
    """

    x: int
    y: int


class JSONTests(SynchronousTestCase):
    """
    `ServerSentEvent.json` writes JSON, and `json` of an event reads it.
    """

    def test_compact(self) -> None:
        """
        Values are written without spaces, and text is not escaped.
        """
        event = ServerSentEvent.json({"a": [1, None, "é"]}, event="t", id="1", retry=5, comment="c")

        self.assertEqual(event, ServerSentEvent('{"a":[1,null,"é"]}', "t", "1", 5, "c"))

    def test_one_line(self) -> None:
        """
        Line breaks in a value are escaped, so the data is one line.
        """
        self.assertEqual(ServerSentEvent.json("a\r\nb").data, '"a\\r\\nb"')

    def test_none(self) -> None:
        """
        None is the JSON value null, not the absence of data.
        """
        self.assertEqual(ServerSentEvent.json(None).data, "null")

    @settings(derandomize=True, max_examples=100, deadline=None)
    @given(JSON_VALUES)
    def test_round_trip(self, value: Any) -> None:
        """
        A value is read as it was written.
        """
        event = ServerSentEvent.json(value)

        self.assertEqual(event.json(), value)

    def test_refused(self) -> None:
        """
        Values that JSON cannot express raise InvalidEvent.
        """
        circle: list[Any] = []
        circle.append(circle)
        for value in (float("nan"), float("inf"), -float("inf"), object(), {1, 2}, b"", circle):
            with self.subTest(kind=type(value)), self.assertRaises(InvalidEvent) as caught:
                ServerSentEvent.json(value)

            self.assertIn(f"json() got a {type(value).__name__}, which", str(caught.exception))

    def test_too_deep(self) -> None:
        """
        A value that is nested too deeply raises InvalidEvent.
        """
        value: list[Any] = []
        for _ in range(100_000):
            value = [value]

        with self.assertRaises(InvalidEvent):
            ServerSentEvent.json(value)

    def test_values_of_the_standard_library(self) -> None:
        """
        Dataclasses, dates, times, UUIDs and decimals are written, wherever they stand.
        """
        day = datetime(2026, 11, 30, 12, 5, tzinfo=UTC)
        value = {"price": Decimal("1.10"), "at": [day, day.date(), day.time()], "of": Point(1, 2)}
        event = ServerSentEvent.json({**value, "id": UUID(int=7)})

        self.assertEqual(
            event.json(),
            {
                "price": "1.10",
                "at": ["2026-11-30T12:05:00+00:00", "2026-11-30", "12:05:00"],
                "of": {"x": 1, "y": 2},
                "id": "00000000-0000-0000-0000-000000000007",
            },
        )

    def test_not_json(self) -> None:
        """
        Reading data that is not JSON raises the standard library's JSONDecodeError.
        """
        with self.assertRaises(json.JSONDecodeError):
            ServerSentEvent("{").json()

    def test_no_data(self) -> None:
        """
        Reading the JSON of an event without data raises ValueError.
        """
        with self.assertRaises(ValueError):
            ServerSentEvent(comment="a").json()

    def test_subclass(self) -> None:
        """
        A subclass makes events of its own class.
        """

        class Own(ServerSentEvent):
            pass

        self.assertIsInstance(Own.json(1), Own)
