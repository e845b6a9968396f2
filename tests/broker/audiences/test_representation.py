"""
How events are written for subscribers and for other hubs.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.orders import interest_in
from twisted_sse.broker.audiences.representation import (
    PLAIN,
    REPLICATED,
    encode_record,
    representation_for,
)
from twisted_sse.broker.audiences.window import Entry
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.events.replication import read_record

__all__ = ["EncodeRecordTests", "EnvelopeTests", "RepresentationTests"]


class RepresentationTests(SynchronousTestCase):
    """
    The plain and the replicated representation.
    """

    def test_how_events_are_written(self) -> None:
        """
        Events from the window and from history are encoded alike, replicated or not.
        """
        record = Record(3, "e-3", Publication(("a",), ServerSentEvent("x"), private=True))
        entry = Entry(record, Position(2, "e-2"))

        self.assertEqual(PLAIN.frames([entry]), [encode_record(record)])
        self.assertEqual(PLAIN.encode(record), encode_record(record))
        self.assertEqual(REPLICATED.frames([entry]), [REPLICATED.encode(record)])
        (decoded,) = Decoder(None).feed(REPLICATED.encode(record))
        self.assertEqual(read_record(decoded), record)


class EnvelopeTests(SynchronousTestCase):
    """
    A representation that tells topics.
    """

    def test_encoded_once(self) -> None:
        """
        An event is encoded once for all readers who are told the same topics.
        """
        record = Record(3, "e-3", Publication(("a", "b"), ServerSentEvent("x")))
        entry = Entry(record, Position(2, "e-2"))
        asked = representation_for("topic", heartbeat=False)
        one, other, both = (
            asked.within(interest_in(*topics)) for topics in (["a"], ["a", "c"], ["a", "b"])
        )

        (frame,) = one.frames([entry])
        self.assertIs(other.frames([entry])[0], frame)
        self.assertNotEqual(both.frames([entry]), [frame])
        self.assertEqual(one.encode(record), frame)

    def test_equal(self) -> None:
        """
        Readers share an audience if they want the same in the same form.
        """
        interest = interest_in("a")
        forms = [
            representation_for(envelope, heartbeat=heartbeat).within(interest)
            for envelope in (None, "topic", "type")
            for heartbeat in (False, True)
        ]
        again = representation_for("topic", heartbeat=True).within(interest_in("a"))

        self.assertEqual(len(set(forms)), 6)
        self.assertIs(forms[0], PLAIN)
        self.assertEqual(forms.index(again), 3)
        self.assertNotEqual(
            again, representation_for("topic", heartbeat=True).within(interest_in("b"))
        )


class EncodeRecordTests(SynchronousTestCase):
    """
    An event as subscribers see it.
    """

    def _decoded(self, event: ServerSentEvent) -> list[ServerSentEvent]:
        return Decoder().feed(encode_record(Record(1, "é-1", Publication(("a",), event))))

    def test_provider_id(self) -> None:
        """
        An event without an ID gets the one that history assigned.
        """
        event = ServerSentEvent("x\ny", event="greeting", retry=5, comment="c")

        decoded = self._decoded(event)
        self.assertEqual([one.id for one in decoded], ["é-1"])
        self.assertEqual([one.data for one in decoded], ["x\ny"])
        self.assertEqual([one.event for one in decoded], ["greeting"])

    def test_publisher_id(self) -> None:
        """
        An event with an ID keeps it, and has no second one.
        """
        written = encode_record(
            Record(1, "mine", Publication(("a",), ServerSentEvent("x", id="mine")))
        )

        self.assertEqual(written.count(b"id:"), 1)
        self.assertEqual(Decoder().feed(written), [ServerSentEvent("x", id="mine")])

    def test_no_data(self) -> None:
        """
        A block without data carries an ID too.
        """
        self.assertEqual([one.id for one in self._decoded(ServerSentEvent(comment="c"))], ["é-1"])
