"""
The first blocks of a stream, byte by byte.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.events.codec import Decoder
from twisted_sse.events.preamble import (
    OLDEST,
    UNLOCATED,
    Introduction,
    Priming,
    ResetReason,
    StreamStart,
    first_frames,
    replicated_first_frames,
    reset_frame,
)
from twisted_sse.events.publication import Position
from twisted_sse.events.replication import note_of

__all__ = ["FirstFramesTests", "ReplicatedTests", "ResetTests"]

START = StreamStart(Position(7, "e-7"))
OPENED = b'event: stream-open\nid: e-7\ndata: {"resumed":false}\n\n'


def fields(frame: bytes) -> list[bytes]:
    """
    The sorted fields of a block.
    """
    return sorted(frame.strip(b"\n").split(b"\n"))


class FirstFramesTests(SynchronousTestCase):
    """
    The reconnection time, and how the stream begins.
    """

    def test_retry(self) -> None:
        """
        The reconnection time is in the first block, and alone only if there is nothing else.
        """
        cases: list[tuple[Priming, bytes]] = [
            ("event", b"retry: 3000\n" + OPENED),
            ("block", b"retry: 3000\nid: e-7\n\n"),
            (None, b"retry: 3000\n\n"),
        ]
        for priming, expected in cases:
            with self.subTest(priming=priming):
                frames = first_frames(START, 3000, priming)
                self.assertEqual(fields(frames), fields(expected))
                self.assertEqual(frames.count(b"\n\n"), 1)
        self.assertNotIn(b"retry", first_frames(START, None, "event"))

    def test_introduction(self) -> None:
        """
        A stream tells the name of its connection and its keepalive, if it has them.
        """
        cases: list[tuple[Introduction, dict[str, object]]] = [
            (Introduction("N", 15.0), {"keepalive": 15, "connection": "N"}),
            (Introduction("N", None), {"connection": "N"}),
            (Introduction(None, 0.5), {"keepalive": 0.5}),
        ]
        starts = [START, START._replace(resumed=True), StreamStart(OLDEST, asked="lost")]
        for introduction, told in cases:
            for start in starts:
                with self.subTest(introduction=introduction, start=start):
                    (event,) = Decoder().feed(first_frames(start, 3000, "event", introduction))
                    self.assertEqual(event.retry, 3000)
                    self.assertEqual({**event.json(), **told}, event.json())

    def test_quiet(self) -> None:
        """
        A quiet block tells nothing of that, whatever its ID looks like.
        """
        start = StreamStart(Position(7, "e}"))

        frames = first_frames(start, None, "block", Introduction("N", 15.0))

        self.assertEqual(frames, b"id: e}\n\n")

    def test_no_id(self) -> None:
        """
        A stream without an ID that may be shown says that it is open; one whose position is not
        known yet says nothing but the reconnection time.
        """
        introduction = Introduction("N", None)
        shown = first_frames(StreamStart(Position(7, "")), None, "event", introduction)
        unlocated = first_frames(StreamStart(UNLOCATED), 3000, "event", introduction)

        expected = b'event: stream-open\ndata: {"resumed":false,"connection":"N"}\n\n'
        self.assertEqual(shown, expected)
        self.assertEqual(unlocated, b"retry: 3000\n\n")

    def test_priming(self) -> None:
        """
        The position is a typed event, a block with only an ID, or nothing.
        """
        cases: list[tuple[Priming, bytes]] = [
            ("event", OPENED),
            ("block", b"id: e-7\n\n"),
            (None, b""),
        ]
        for priming, expected in cases:
            with self.subTest(priming=priming):
                self.assertEqual(fields(first_frames(START, None, priming)), fields(expected))

    def test_resumed(self) -> None:
        """
        It says whether the stream resumes where the subscriber was.
        """
        start = StreamStart(Position(7, "e-7"), resumed=True)

        self.assertIn(b'data: {"resumed":true}\n', first_frames(start, None, "event"))

    def test_gap(self) -> None:
        """
        With any priming, a gap is reported, and nothing else.
        """
        start = StreamStart(OLDEST, asked="lost")
        for priming in ("event", "block", None):
            with self.subTest(priming=priming):
                frames = first_frames(start, 5, priming)
                reset = reset_frame(ResetReason.UNKNOWN, "lost")
                self.assertEqual(fields(frames), fields(b"retry: 5\n" + reset))


class ReplicatedTests(SynchronousTestCase):
    """
    The first blocks for another hub.
    """

    def test_note(self) -> None:
        """
        They say where the stream begins, if that is known, and the newest position.
        """
        head, ahead = Position(9, "e-9"), Position(12, "e-12")
        cases = [
            (START, {"number": 7, "newest": {"number": 9, "id": "e-9"}}),
            (StreamStart(ahead), {"number": 12, "newest": {"number": 12, "id": "e-12"}}),
            (StreamStart(Position(-1, "e-2")), {"newest": {"number": 9, "id": "e-9"}}),
        ]
        for start, note in cases:
            retry, opened = Decoder().feed(replicated_first_frames(start, head))

            self.assertEqual(retry.retry, 200)
            self.assertEqual((opened.event, opened.id), ("stream-open", start.position.id))
            self.assertEqual(note_of(opened.comment), (note, None))

    def test_unknown(self) -> None:
        """
        An unknown ID is reported as it is to every subscriber.
        """
        frames = replicated_first_frames(StreamStart(OLDEST, asked="x"), Position(9, "e-9"))

        self.assertEqual(frames, reset_frame(ResetReason.UNKNOWN, "x"))


class ResetTests(SynchronousTestCase):
    """
    How a gap is reported.
    """

    def test_frame(self) -> None:
        """
        A typed event without an ID, so that the subscriber keeps its own.
        """
        frame = reset_frame(ResetReason.BEHIND, 'é"7')

        data = 'data: {"reason":"fell-behind","lastEventID":"é\\"7"}'.encode()
        self.assertEqual(fields(frame), fields(b"event: stream-reset\n" + data))
