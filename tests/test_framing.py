"""
Frames, and what is put around them.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.event import ServerSentEvent
from twisted_sse.framing import chunked, frame, raw
from twisted_sse.publication import Kept, Publication
from twisted_sse.wire import Decoder

__all__ = ["FrameTests", "FramingTests"]


class FramingTests(SynchronousTestCase):
    """
    What a flush becomes on the wire.
    """

    def test_chunked(self) -> None:
        """
        One chunk: its size in hexadecimal, its bytes, and line ends.
        """
        self.assertEqual(chunked(b"x" * 31), b"1f\r\n" + b"x" * 31 + b"\r\n")

    def test_raw(self) -> None:
        """
        The bytes themselves, and no copy of them.
        """
        payload = b"x" * 31

        self.assertIs(raw(payload), payload)


class FrameTests(SynchronousTestCase):
    """
    An event as its subscribers see it.
    """

    def _decoded(self, event: ServerSentEvent) -> list[ServerSentEvent]:
        return Decoder().feed(frame(Kept(1, "é-1", Publication(("a",), event))))

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
        written = frame(Kept(1, "mine", Publication(("a",), ServerSentEvent("x", id="mine"))))

        self.assertEqual(written.count(b"id:"), 1)
        self.assertEqual(Decoder().feed(written), [ServerSentEvent("x", id="mine")])

    def test_no_data(self) -> None:
        """
        A block without data moves the position too.
        """
        self.assertEqual([one.id for one in self._decoded(ServerSentEvent(comment="c"))], ["é-1"])
