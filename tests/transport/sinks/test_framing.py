"""
Frames, and what is put around them.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.audiences.window import Entry
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.transport.sinks.framing import (
    Annotating,
    annotated,
    chunked,
    frame,
    frame_in,
    kept_in,
    raw,
)

__all__ = ["FrameTests", "FramingTests"]


class FramingTests(SynchronousTestCase):
    """
    How a flush is framed for a transport.
    """

    def test_chunked(self) -> None:
        """
        A chunk has its size in hexadecimal, its bytes, and line ends.
        """
        self.assertEqual(chunked(b"x" * 31), b"1f\r\n" + b"x" * 31 + b"\r\n")

    def test_raw(self) -> None:
        """
        The payload is returned unchanged, without a copy.
        """
        payload = b"x" * 31

        self.assertIs(raw(payload), payload)

    def test_annotating(self) -> None:
        """
        What is annotated is framed as below it, and equal ones are one audience.
        """
        self.assertEqual(Annotating(chunked)(b"x"), chunked(b"x"))
        self.assertEqual({Annotating(raw), Annotating(raw), raw}, {Annotating(raw), raw})

    def test_how_events_are_written(self) -> None:
        """
        An event of the window and one of history are written alike, annotated or not.
        """
        kept = Record(3, "e-3", Publication(("a",), ServerSentEvent("x"), private=True))
        entry = Entry(kept, Position(2, "e-2"))

        self.assertEqual(frame_in(raw)(entry), frame(kept))
        self.assertEqual(kept_in(raw)(kept), frame(kept))
        self.assertEqual(frame_in(Annotating(raw))(entry), annotated(kept))
        self.assertEqual(kept_in(Annotating(raw))(kept), annotated(kept))


class FrameTests(SynchronousTestCase):
    """
    An event as its subscribers see it.
    """

    def _decoded(self, event: ServerSentEvent) -> list[ServerSentEvent]:
        return Decoder().feed(frame(Record(1, "é-1", Publication(("a",), event))))

    def test_provider_id(self) -> None:
        """
        An event without an ID gets the one that history gave it.
        """
        event = ServerSentEvent("x\ny", event="greeting", retry=5, comment="c")

        decoded = self._decoded(event)
        self.assertEqual([one.id for one in decoded], ["é-1"])
        self.assertEqual([one.data for one in decoded], ["x\ny"])
        self.assertEqual([one.event for one in decoded], ["greeting"])

    def test_publisher_id(self) -> None:
        """
        An event with an ID keeps it, and has one ID only.
        """
        written = frame(Record(1, "mine", Publication(("a",), ServerSentEvent("x", id="mine"))))

        self.assertEqual(written.count(b"id:"), 1)
        self.assertEqual(Decoder().feed(written), [ServerSentEvent("x", id="mine")])

    def test_no_data(self) -> None:
        """
        A block without data moves the position too.
        """
        self.assertEqual([one.id for one in self._decoded(ServerSentEvent(comment="c"))], ["é-1"])
