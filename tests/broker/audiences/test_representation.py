"""
How events are written for subscribers and for other hubs.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.orders import interest_in
from twisted_sse.broker.audiences.representation import (
    PLAIN,
    REPLICATED,
    Representation,
    encode_record,
    representation_for,
)
from twisted_sse.broker.audiences.window import Entry
from twisted_sse.events.codec import Decoder
from twisted_sse.events.envelope import ENVELOPES
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.events.replication import read_record
from twisted_sse.events.trace import with_trace

__all__ = ["EncodeRecordTests", "EnvelopeTests", "RepresentationTests", "TraceTests"]

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


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


class TraceTests(SynchronousTestCase):
    """
    Events whose publication has a trace.
    """

    def setUp(self) -> None:
        """
        An event with a trace and a comment.
        """
        self.event = ServerSentEvent("x", comment="own")
        publication = Publication(("a",), with_trace(self.event, TRACE))
        self.record = Record(3, "e-3", publication)
        self.entry = Entry(self.record, Position(2, "e-2"))

    def written(self, representation: Representation) -> ServerSentEvent:
        """
        Return the event as it arrives, from the window and from history alike.
        """
        asked = representation.within(interest_in("a"))
        (frame,) = asked.frames([self.entry])
        self.assertEqual(asked.encode(self.record), frame)
        (event,) = Decoder(None).feed(frame)
        return event

    def test_not_asked(self) -> None:
        """
        Readers who do not ask are not told.
        """
        for envelope in (None, *ENVELOPES):
            event = self.written(representation_for(envelope, heartbeat=False))

            self.assertEqual(event.comment, "own", envelope)
            self.assertNotIn(TRACE, event.data or "", envelope)

    def test_comment(self) -> None:
        """
        Readers who ask are told by a comment, which clients ignore.
        """
        for envelope, heartbeat in ((None, False), (None, True), ("type", False)):
            asked = representation_for(envelope, heartbeat=heartbeat, traced=True)

            event = self.written(asked)

            self.assertEqual((event.data, event.comment), ("x", f"traceparent {TRACE}\nown"))

    def test_envelope(self) -> None:
        """
        A page is told in the data, because it sees no comments.
        """
        event = self.written(representation_for("topic", heartbeat=False, traced=True))

        self.assertEqual(event.json(), {"topics": ["a"], "data": "x", "traceparent": TRACE})
        self.assertEqual(event.comment, "own")

    def test_replicated(self) -> None:
        """
        Other hubs are told, so that their readers can be.
        """
        (frame,) = REPLICATED.frames([self.entry])
        (decoded,) = Decoder(None).feed(frame)

        self.assertEqual(frame, REPLICATED.encode(self.record))
        self.assertEqual(read_record(decoded), self.record)

    def test_no_trace(self) -> None:
        """
        An event without a trace tells none.
        """
        self.record = Record(4, "e-4", Publication(("a",), self.event))
        self.entry = Entry(self.record, Position(3, "e-3"))

        for envelope in (None, *ENVELOPES):
            event = self.written(representation_for(envelope, heartbeat=False, traced=True))

            self.assertEqual(event.comment, "own")
            self.assertNotIn("traceparent", event.data or "")
