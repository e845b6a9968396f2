"""
The event-stream format: encoding, decoding, and that they agree.
"""

import json
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import EventTooLarge
from twisted_sse.events.codec import MAX_EVENT_SIZE, Decoder, encode
from twisted_sse.events.event import MAX_RETRY, ServerSentEvent

__all__ = [
    "BoundTests",
    "CommentTests",
    "ConformanceTests",
    "EncodeTests",
    "LinearTests",
    "PropertyTests",
    "ReconnectionTests",
]

CASES = json.loads((Path(__file__).parents[1] / "conformance" / "event_stream.json").read_text())[
    "cases"
]

#: Everything with a meaning in the format, and little else, so that combinations are frequent.
ALPHABET = [
    *[b"data", b"event", b"id", b"retry", b":", b": ", b" ", b"\n", b"\r", b"\r\n", b"\n\n"],
    *[b"\0", b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xbf", "é".encode(), "€".encode(), b"\xf0\x9f"],
    *[b"1", b"0", b"x", b"\xff", b"data: x\n\n", b"id: 1\ndata: x\n\n", b"\xe2\x80\xa8"],
]

STREAMS = st.lists(st.sampled_from(ALPHABET), max_size=40).map(b"".join)

TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n\0: \ufeff\u2028\x85"),
    max_size=20,
)
LINE = TEXT.map(lambda text: text.replace("\r", "").replace("\n", ""))


def _events() -> st.SearchStrategy[ServerSentEvent]:
    fields = st.tuples(
        st.none() | TEXT,
        st.none() | LINE.filter(bool),
        st.none() | LINE.map(lambda line: line.replace("\0", "")),
        st.none() | st.integers(0, MAX_RETRY),
        st.none() | TEXT,
    )
    return fields.filter(lambda five: five != (None,) * 5).map(lambda five: ServerSentEvent(*five))


class Reference:
    """
    The standard's algorithm, line by line over a complete stream: slow and obvious.
    """

    def __init__(self, stream: bytes) -> None:
        self.last_event_id = ""
        self.reconnection_time: int | None = None
        self.events: list[ServerSentEvent] = []
        self._clear()
        text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        # The last line has no end.
        for line in lines[:-1]:
            self._line(line)

    def _clear(self) -> None:
        self.block: dict[str, Any] = {}
        self.data: list[str] = []
        self.comments: list[str] = []

    def _line(self, line: str) -> None:
        if line == "":
            self._dispatch()
        elif line.startswith(":"):
            self.comments.append(line[1:].removeprefix(" "))
        elif ":" in line:
            field, value = line.split(":", 1)
            self._field(field, value.removeprefix(" "))
        else:
            self._field(line, "")

    def _field(self, field: str, value: str) -> None:
        if field == "event":
            self.block["event"] = value
        elif field == "data":
            self.data.append(value)
        elif field == "id" and "\0" not in value:
            self.block["id"] = value
        elif field == "retry" and value and all(digit in "0123456789" for digit in value):
            self.reconnection_time = self.block["retry"] = min(int(value), MAX_RETRY)

    def _dispatch(self) -> None:
        self.last_event_id = self.block.get("id", self.last_event_id)
        if self.data:
            self.block["data"] = "\n".join(self.data)
        if self.comments:
            self.block["comment"] = "\n".join(self.comments)
        if not self.block.get("event"):
            self.block.pop("event", None)
        if self.block:
            self.events.append(ServerSentEvent(**self.block))
        self._clear()


def _decode(chunks: Sequence[bytes]) -> tuple[list[ServerSentEvent], str, int | None]:
    decoder = Decoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events, decoder.last_event_id, decoder.reconnection_time


def _bytes_of(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


def _instructions(run: Callable[[], object]) -> int:
    """
    Count the bytecode instructions of a call: the same on every machine.
    """
    count = 0

    def trace(frame: FrameType, what: str, argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += what == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


class EncodeTests(SynchronousTestCase):
    """
    The frame of each event.
    """

    CASES = [
        (ServerSentEvent("hi"), b"data: hi\n\n"),
        (ServerSentEvent(""), b"data: \n\n"),
        (ServerSentEvent("a\nb\rc\r\nd"), b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        (ServerSentEvent("a\n"), b"data: a\ndata: \n\n"),
        (ServerSentEvent("a\u2028b"), b"data: a\xe2\x80\xa8b\n\n"),
        (ServerSentEvent("a\x0b\x0c\x1c\x85b"), b"data: a\x0b\x0c\x1c\xc2\x85b\n\n"),
        (ServerSentEvent(" a"), b"data:  a\n\n"),
        (ServerSentEvent("a", id=""), b"id: \ndata: a\n\n"),
        (ServerSentEvent("a", id="1"), b"id: 1\ndata: a\n\n"),
        (ServerSentEvent(event="t"), b"event: t\n\n"),
        (ServerSentEvent(id="1"), b"id: 1\n\n"),
        (ServerSentEvent(retry=0), b"retry: 0\n\n"),
        (ServerSentEvent(comment=""), b":\n\n"),
        (ServerSentEvent(comment="a"), b": a\n\n"),
        (ServerSentEvent(comment="a\r\nb"), b": a\n: b\n\n"),
        (
            ServerSentEvent("d", "e", "i", 1, "c"),
            b": c\nevent: e\nretry: 1\nid: i\ndata: d\n\n",
        ),
    ]

    def test_cases(self) -> None:
        """
        Fields have one space after the colon and a fixed order; a blank line ends the frame.
        """
        for event, frame in self.CASES:
            with self.subTest(event=event):
                self.assertEqual(encode(event), frame)


class ConformanceTests(SynchronousTestCase):
    """
    The cases of `conformance/event_stream.json`, split in every way.
    """

    def _check(self, cut: Callable[[bytes], list[list[bytes]]]) -> None:
        for case in CASES:
            events = [ServerSentEvent(**fields) for fields in case["events"]]
            expected = (events, case["last_event_id"], case["reconnection_time"])
            for chunks in cut(case["stream"].encode("latin-1")):
                with self.subTest(case=case["name"], chunks=chunks):
                    self.assertEqual(_decode(chunks), expected)

    def test_number(self) -> None:
        """
        All cases are present, and their names are unique.
        """
        self.assertGreaterEqual(len(CASES), 100)
        self.assertEqual(len({case["name"] for case in CASES}), len(CASES))

    def test_whole(self) -> None:
        """
        Each stream is decoded as the case says when it is fed at once.
        """
        self._check(lambda stream: [[stream]])

    def test_byte_by_byte(self) -> None:
        """
        Each stream is decoded the same when it is fed byte by byte.
        """
        self._check(lambda stream: [_bytes_of(stream)])

    def test_every_split(self) -> None:
        """
        Each stream is decoded the same when it is fed in two parts, split at any byte.
        """
        self._check(lambda stream: [[stream[:at], stream[at:]] for at in range(len(stream) + 1)])

    def test_reference(self) -> None:
        """
        The reference, on which the properties rely, also passes every case.
        """
        for case in CASES:
            reference = Reference(case["stream"].encode("latin-1"))

            with self.subTest(case=case["name"]):
                self.assertEqual(
                    reference.events, [ServerSentEvent(**fields) for fields in case["events"]]
                )
                self.assertEqual(reference.last_event_id, case["last_event_id"])
                self.assertEqual(reference.reconnection_time, case["reconnection_time"])

    def test_at_once(self) -> None:
        """
        An event is returned with the byte that ends it, even if that is a CR.
        """
        for end in (b"\n", b"\r"):
            decoder = Decoder()
            before = decoder.feed(b"data: a" + end)

            with self.subTest(end=end):
                self.assertEqual(before, [])
                self.assertEqual(decoder.feed(end), [ServerSentEvent("a")])


class PropertyTests(SynchronousTestCase):
    """
    Properties of all events and all streams.
    """

    @settings(derandomize=True, max_examples=300, deadline=None)
    @given(_events())
    @example(ServerSentEvent("\n"))
    @example(ServerSentEvent("\ufeff", id=" ", event=":", comment="\n"))
    def test_identity(self, event: ServerSentEvent) -> None:
        """
        Every event is decoded as it was encoded.
        """
        self.assertEqual(Decoder().feed(encode(event)), [event])

    @settings(derandomize=True, max_examples=100, deadline=None)
    @given(st.lists(_events(), max_size=5))
    def test_sequence(self, events: list[ServerSentEvent]) -> None:
        """
        Several events are decoded as they were encoded, byte by byte.
        """
        stream = b"".join(encode(event) for event in events)

        self.assertEqual(_decode(_bytes_of(stream))[0], events)

    @settings(derandomize=True, max_examples=500, deadline=None)
    @given(STREAMS, st.lists(st.integers(0, 150), max_size=8))
    def test_chunks(self, stream: bytes, cuts: list[int]) -> None:
        """
        The result does not depend on how a stream is split.
        """
        points = [0, *sorted(cuts), len(stream)]
        chunks = [stream[a:b] for a, b in pairwise(points)]

        self.assertEqual(_decode(chunks), _decode([stream]))

    @settings(derandomize=True, max_examples=500, deadline=None)
    @given(STREAMS | st.binary(max_size=60))
    def test_reference(self, stream: bytes) -> None:
        """
        Any bytes are decoded as by the standard's algorithm.
        """
        reference = Reference(stream)

        self.assertEqual(
            _decode([stream]),
            (reference.events, reference.last_event_id, reference.reconnection_time),
        )

    @settings(derandomize=True, max_examples=200, deadline=None)
    @given(STREAMS, st.integers(1, 30))
    def test_bound(self, stream: bytes, limit: int) -> None:
        """
        The size limit does not depend on how a stream is split.
        """

        def run(chunks: list[bytes]) -> tuple[list[ServerSentEvent], str, bool]:
            decoder = Decoder(limit)
            events: list[ServerSentEvent] = []
            try:
                # b"", because after events the error is raised by the next call.
                for chunk in [*chunks, b""]:
                    events += decoder.feed(chunk)
            except EventTooLarge:
                return events, decoder.last_event_id, True
            return events, decoder.last_event_id, False

        self.assertEqual(run(_bytes_of(stream)), run([stream]))


class ReconnectionTests(SynchronousTestCase):
    """
    The last event ID and the reconnection time.
    """

    def test_start(self) -> None:
        """
        At first there is neither, except a last event ID from the previous stream.
        """
        decoder = Decoder()

        self.assertEqual((decoder.last_event_id, decoder.reconnection_time), ("", None))
        self.assertEqual(Decoder(last_event_id="7").last_event_id, "7")

    def test_last_event_id(self) -> None:
        """
        The last event ID changes when its block ends, not when its line ends.
        """
        decoder = Decoder()
        decoder.feed(b"id: 1\ndata: a\n")
        before = decoder.last_event_id
        decoder.feed(b"\n")

        self.assertEqual((before, decoder.last_event_id), ("", "1"))

    def test_reconnection_time(self) -> None:
        """
        The reconnection time is set when its line ends, not when its block ends.
        """
        decoder = Decoder()
        decoder.feed(b"data: a\nretry: 5")
        before = decoder.reconnection_time
        decoder.feed(b"0\n")

        self.assertEqual((before, decoder.reconnection_time), (None, 50))

    def test_many_digits(self) -> None:
        """
        A number of a million digits becomes the longest time, and is read quickly.
        """
        stream = b"retry: " + b"9" * 1_000_000 + b"\n\n"
        decoder = Decoder()

        self.assertEqual(decoder.feed(stream), [ServerSentEvent(retry=MAX_RETRY)])
        self.assertEqual(decoder.reconnection_time, MAX_RETRY)


class CommentTests(SynchronousTestCase):
    """
    A decoder that does not hold comments.
    """

    def feed(self, *chunks: bytes, limit: int | None = MAX_EVENT_SIZE) -> list[list[object]]:
        """
        Return the data or the comment of what each chunk completes.
        """
        decoder = Decoder(limit, hold_comments=False)
        return [
            [event.comment if event.data is None else event.data for event in decoder.feed(chunk)]
            for chunk in chunks
        ]

    def test_line(self) -> None:
        """
        A comment is returned when its line ends, whatever the line end.
        """
        for line in (b": ping\n", b": ping\r", b": ping\r\n"):
            self.assertEqual(self.feed(line, line), [["ping"], ["ping"]])
        self.assertEqual(self.feed(b":", b"\n", b": a\n: b", b"\n"), [[], [""], ["a"], ["b"]])

    def test_nothing_held(self) -> None:
        """
        Comments without a blank line never fill the decoder, nor does one lose the event.
        """
        decoder = Decoder(1000, hold_comments=False)
        for _ in range(1000):
            decoder.feed(b": ping\n")

        self.assertEqual(decoder.feed(b"data: x\n\n"), [ServerSentEvent("x")])

    def test_in_event(self) -> None:
        """
        Comments within an unfinished event are returned, too; the event stays whole.
        """
        told = self.feed(b"data: 1\n", *[b": ping\n"] * 30, b"data: 2\n\n", limit=100)

        self.assertEqual(told, [[], *[["ping"]] * 30, ["1\n2"]])

    def test_at_once(self) -> None:
        """
        However many comments come at once, they do not count for the size of an event.
        """
        for end in (b"", b"\n"):
            told = self.feed(b": ping\n" * 100 + end + b"data: x\n\n", limit=20)

            self.assertEqual(told[0][-1], "x")

    def test_before_field(self) -> None:
        """
        A comment belongs to the event whose first field comes with it.
        """
        for chunks in ([b": c\ndata: x\n\n"], [b": c\nda", b"ta: x\n\n"]):
            decoder = Decoder(hold_comments=False)
            events = [event for chunk in chunks for event in decoder.feed(chunk)]

            self.assertEqual(events, [ServerSentEvent("x", comment="c")])

    @settings(derandomize=True, max_examples=500, deadline=None)
    @given(STREAMS, st.lists(st.integers(0, 200), max_size=6))
    def test_same_events(self, stream: bytes, cuts: list[int]) -> None:
        """
        Everything but the comments is the same as with a decoder that holds them.
        """

        def rest(decoder: Decoder, chunks: list[bytes]) -> object:
            events = [event for chunk in chunks for event in decoder.feed(chunk)]
            fields = [(one.data, one.event, one.id, one.retry) for one in events]
            return (
                [each for each in fields if each != (None,) * 4],
                decoder.last_event_id,
                decoder.reconnection_time,
            )

        points = [0, *sorted(cuts), len(stream)]
        chunks = [stream[a:b] for a, b in pairwise(points)]

        self.assertEqual(rest(Decoder(hold_comments=False), chunks), rest(Decoder(), [stream]))


class BoundTests(SynchronousTestCase):
    """
    The size limit of a decoder.
    """

    def test_exact(self) -> None:
        """
        The limit counts lines with their ends, but not the blank line.
        """
        self.assertEqual(Decoder(10).feed(b"data: abc\n\n"), [ServerSentEvent("abc")])
        self.assertRaises(EventTooLarge, Decoder(9).feed, b"data: abc\n\n")

    def test_blank_lines(self) -> None:
        """
        Blank lines between events are not counted.
        """
        events = Decoder(10).feed(b"data: a\n\n\n\n\ndata: abc\n\n")

        self.assertEqual(events, [ServerSentEvent("a"), ServerSentEvent("abc")])

    def test_unfinished_line(self) -> None:
        """
        A line without an end raises EventTooLarge as soon as it exceeds the limit.
        """
        decoder = Decoder(10)
        decoder.feed(b"data: abcd")

        self.assertRaises(EventTooLarge, decoder.feed, b"e")

    def test_events_before(self) -> None:
        """
        Events before the large one are returned first, and the last event ID is theirs.
        """
        decoder = Decoder(20)
        events = decoder.feed(b"id: 1\ndata: a\n\nid: 2\ndata: " + b"b" * 20 + b"\n\nid: 3\n\n")

        self.assertEqual(events, [ServerSentEvent("a", id="1")])
        self.assertRaises(EventTooLarge, decoder.feed, b"")
        self.assertEqual(decoder.last_event_id, "1")

    def test_for_good(self) -> None:
        """
        After EventTooLarge, every call raises it.
        """
        decoder = Decoder(5)
        with self.assertRaises(EventTooLarge):
            decoder.feed(b"data: abc\n\n")

        self.assertRaises(EventTooLarge, decoder.feed, b"\n\ndata\n\n")

    def test_default(self) -> None:
        """
        The default limit is 1 MiB.
        """
        line = b"data: " + b"a" * (MAX_EVENT_SIZE - 7) + b"\n"

        self.assertEqual(MAX_EVENT_SIZE, 1024 * 1024)
        self.assertEqual(len(Decoder().feed(line + b"\n")), 1)
        self.assertRaises(EventTooLarge, Decoder().feed, b"data\n" + line)

    def test_many_small(self) -> None:
        """
        Small events may be fed in a chunk of any size.
        """
        self.assertEqual(len(Decoder(10).feed(b"data: a\n\n" * 1000)), 1000)

    def test_unbounded(self) -> None:
        """
        With None, events may have any size.
        """
        events = Decoder(None).feed(b"data: " + b"a" * (MAX_EVENT_SIZE + 1) + b"\n\n")

        self.assertEqual(len(events[0].data or ""), MAX_EVENT_SIZE + 1)

    def test_sentence(self) -> None:
        """
        The error says what the limit is and what to do.
        """
        with self.assertRaises(EventTooLarge) as caught:
            Decoder(1).feed(b"data\n\n")

        self.assertIn("larger than 1 bytes", str(caught.exception))
        self.assertIn("max_event_size", str(caught.exception))


class LinearTests(SynchronousTestCase):
    """
    The work grows linearly with the stream.
    """

    def test_long_line(self) -> None:
        """
        A line of 8 MiB in chunks of 1 KiB is one event.
        """
        decoder = Decoder(None)
        decoder.feed(b"data: ")
        for _ in range(8192):
            decoder.feed(b"a" * 1024)

        self.assertEqual(decoder.feed(b"\n\n"), [ServerSentEvent("a" * 8192 * 1024)])

    def test_many_lines(self) -> None:
        """
        An event of 40,000 lines is one event.
        """
        events = Decoder().feed(b"data: a\n" * 40_000 + b"\n")

        self.assertEqual(events, [ServerSentEvent("\n".join("a" * 40_000))])

    def test_instructions(self) -> None:
        """
        Twice as many chunks of one event take twice as many instructions.
        """

        def work(chunks: int) -> int:
            decoder = Decoder(None)
            return _instructions(lambda: [decoder.feed(b"data: a\n") for _ in range(chunks)])

        self.assertLess(work(2000), 2.1 * work(1000))
