"""
What one hub sends another is read back unchanged.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.audiences.representation import REPLICATED, encode_record
from twisted_sse.errors import InvalidTopic
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.events.replication import (
    encode_publication,
    note_of,
    read_position,
    read_publications,
    read_record,
    write_note,
    write_position,
)
from twisted_sse.testing.contract.samples import SHAPES

__all__ = ["NoteTests", "PositionTests", "PublicationsTests", "RecordTests"]


def make_record(publication: Publication) -> Record:
    """
    The record that history makes of *publication*.
    """
    return Record(7, publication.event.id or "é-7", publication)


def block(written: bytes) -> ServerSentEvent:
    """
    Decode *written*, which is one block.
    """
    (event,) = Decoder().feed(written)
    return event


class RecordTests(SynchronousTestCase):
    """
    Records as events with replication comments.
    """

    def test_round_trip(self) -> None:
        """
        Every publication is read back as the same record.
        """
        for publication in SHAPES:
            record = make_record(publication)

            self.assertEqual(read_record(block(REPLICATED.encode(record))), record)

    def test_without_data(self) -> None:
        """
        The comment alone is enough for an event without data, of which clients report no more.
        """
        for publication in SHAPES:
            record = make_record(publication)
            event = block(REPLICATED.encode(record))
            if event.data is None:
                self.assertEqual(read_record(ServerSentEvent(comment=event.comment)), record)

    def test_no_reconnection_time(self) -> None:
        """
        Another hub does not take an event's reconnection time for its own.
        """
        event = ServerSentEvent("\nretry: 5", retry=86_400_000)
        written = REPLICATED.encode(make_record(Publication(("a",), event)))

        decoder = Decoder()
        decoder.feed(written)
        self.assertIsNone(decoder.reconnection_time)

    def test_rest_is_plain(self) -> None:
        """
        Without its comment the block is what every subscriber gets.
        """
        record = make_record(
            Publication(("a", "b"), ServerSentEvent("x\ny", event="e"), private=True)
        )

        first_line, _, rest = REPLICATED.encode(record).partition(b"\n")
        self.assertEqual(rest, encode_record(record))
        self.assertTrue(first_line.startswith(b": {"))

    def test_other_comments(self) -> None:
        """
        A block with another comment, or with none, is refused.
        """
        comments = [None, "", "hello", "[1]", "{}", '{"number":1}', '{"number":"x","topics":[]}']
        comments += ['{"number":1,"topics":"a"}', "[" * 100_000]
        for comment in comments:
            with self.subTest(comment=comment and comment[:30]):
                event = ServerSentEvent("x", id="1", comment=comment)
                self.assertRaises(ValueError, read_record, event)


class NoteTests(SynchronousTestCase):
    """
    The comment that replication adds to a block.
    """

    def test_own_comment(self) -> None:
        """
        The event's own comment follows it, even an empty one or one of several lines.
        """
        for own in (None, "", "c", "\n", '{"number":1}', "a\n\nb"):
            written = {None: b"", "": b":\n"}.get(own)
            if written is None:
                written = b"".join(b": %b\n" % line.encode() for line in str(own).split("\n"))
            comment = block(write_note({"é": "\n"}) + written + b"data: x\n\n").comment

            self.assertEqual(note_of(comment), ({"é": "\n"}, own))


class PositionTests(SynchronousTestCase):
    """
    Positions inside replication comments.
    """

    def test_round_trip(self) -> None:
        """
        A position is read back unchanged.
        """
        self.assertEqual(read_position(write_position(Position(3, "é"))), Position(3, "é"))

    def test_others(self) -> None:
        """
        Anything but a position is refused.
        """
        for value in (None, 3, [], {}, {"number": 1}, {"number": "1", "id": "a"}):
            self.assertRaises(ValueError, read_position, value)


class PublicationsTests(SynchronousTestCase):
    """
    Publications on their way to the upstream hub.
    """

    def test_round_trip(self) -> None:
        """
        Publications are read back unchanged and in order.
        """
        body = b"".join(map(encode_publication, SHAPES))

        self.assertEqual(read_publications(body), SHAPES)

    def test_truncated(self) -> None:
        """
        A truncated body is refused, and never read as fewer publications.
        """
        body = encode_publication(Publication(("a",), ServerSentEvent("x", comment="c")))
        for size in range(1, len(body)):
            self.assertRaises(ValueError, read_publications, body[:size])

    def test_checked(self) -> None:
        """
        Invalid topics and IDs are refused here as well.
        """
        star = Publication(("*",), ServerSentEvent("x"))
        self.assertRaises(InvalidTopic, read_publications, encode_publication(star))

        earliest = Publication(("a",), ServerSentEvent("x", id="earliest"))
        self.assertRaises(ValueError, read_publications, encode_publication(earliest))
