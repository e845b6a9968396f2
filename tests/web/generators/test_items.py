"""
What the items of a source mean.
"""

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidEvent
from twisted_sse.events.codec import encode, encode_data
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.generators.items import ItemConverter
from twisted_sse.web.generators.source import Item

__all__ = ["DataTests", "EventOfTests", "WarningTests"]


def ticks() -> Iterator[int]:
    """
    A source whose name is known.
    """
    yield 1


class EventOfTests(SynchronousTestCase):
    """
    `ItemConverter.event_of`.
    """

    def test_items(self) -> None:
        """
        A str is data, an event stays the same, and anything else is data as JSON.
        """
        event = ServerSentEvent("x", event="y", id="1")
        cases: list[tuple[Item, ServerSentEvent]] = [
            (event, event),
            ("a\nb", ServerSentEvent("a\nb")),
            ("", ServerSentEvent("")),
            ({"data": 1, "event": "é"}, ServerSentEvent('{"data":1,"event":"é"}')),
            ([1, "a", None], ServerSentEvent('[1,"a",null]')),
            (7, ServerSentEvent("7")),
            (True, ServerSentEvent("true")),
        ]
        for item, expected in cases:
            self.assertEqual(ItemConverter().event_of(item, ticks()), expected)

    def test_others(self) -> None:
        """
        The error names the source, and the type of any other item.
        """
        items: list[tuple[Any, str]] = [(b"x", "bytes"), (object(), "object"), ({1}, "set")]
        for item, kind in items:
            error = self.assertRaises(InvalidEvent, ItemConverter().event_of, item, ticks())

            self.assertIn(f"The source ticks yielded a {kind}, which cannot be", str(error))

    def test_encoder(self) -> None:
        """
        An encoder makes other items possible.
        """
        converter = ItemConverter(sorted)

        self.assertEqual(converter.event_of({2, 1}, ticks()), ServerSentEvent("[1,2]"))

    def test_surrogate(self) -> None:
        """
        Text that UTF-8 cannot express is what is wrong, not the JSON.
        """
        error = self.assertRaises(InvalidEvent, ItemConverter().event_of, ["\ud800"], ticks())

        self.assertIn("lone surrogate", str(error))


class WarningTests(SynchronousTestCase):
    """
    Items that look like the fields of an event.
    """

    def warnings(self, *items: object) -> list[str]:
        """
        The lines that are logged for a source with these items.
        """
        with capturedLogs() as events:
            converter = ItemConverter()
            for item in items:
                converter.event_of(item, iter([]))
        return [formatEvent(event) for event in events]

    def test_once(self) -> None:
        """
        The first dict of fields is worth a line that shows what to write.
        """
        (line,) = self.warnings("x", {"event": "e", "data": 1}, {"data": 2})

        self.assertIn("ServerSentEvent(event=..., data=...)", line)

    def test_payloads(self) -> None:
        """
        A dict with other keys, or without data and event, is a payload.
        """
        self.assertEqual(self.warnings({"data": 1, "n": 2}, {"id": 1}, {}, {"n": 1}, [1]), [])


class Shout(str):
    """
    A str whose `str` is another one.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


class DataTests(SynchronousTestCase):
    """
    A str, which is encoded without making an event.
    """

    @given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n\0\u2028")))
    def test_same(self, text: str) -> None:
        """
        It is encoded like the event with this data.
        """
        self.assertEqual(encode_data(text), encode(ServerSentEvent(text)))

    def test_subclass(self) -> None:
        """
        So is an instance of a subclass of str.
        """
        self.assertEqual(encode_data(Shout("a\nb")), encode(ServerSentEvent(Shout("a\nb"))))

    def test_refused(self) -> None:
        """
        Text that UTF-8 cannot express raises InvalidEvent, as for an event.
        """
        for text in ("a\ud800", "\r\udfff"):
            error = self.assertRaises(InvalidEvent, encode_data, text)

            self.assertIn("surrogate", str(error))
