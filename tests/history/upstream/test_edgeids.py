"""
The event IDs that edges assign.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history.upstream.edgeids import EdgeIDs, is_edge_id, without_edge_id

__all__ = ["EdgeIDsTests"]

PUBLICATION = Publication(("a", "b"), ServerSentEvent("x", comment="c"), private=True)


class EdgeIDsTests(SynchronousTestCase):
    """
    Assigned, recognized, and removed again.
    """

    def test_unique(self) -> None:
        """
        Each ID is unique, within an edge and over several.
        """
        named = [one for _ in range(3) for one in EdgeIDs().assign([PUBLICATION] * 2)]
        ids = [one.event.id for one in named]

        self.assertEqual(len(set(ids)), 6)
        self.assertTrue(all(map(is_edge_id, ids)))

    def test_publishers_own(self) -> None:
        """
        A publisher's ID is left alone, and is not mistaken for an edge's.
        """
        own = Publication(("a",), ServerSentEvent("x", id="mine"))

        self.assertEqual(EdgeIDs().assign([own]), [own])
        for event_id in (None, "", "mine", "edge-1-2", "a-1", "edge-0123456789abcdef-", "edge"):
            self.assertFalse(is_edge_id(event_id))

    def test_restored(self) -> None:
        """
        The publication is restored as the edge received it; the record keeps its ID.
        """
        (named,) = EdgeIDs().assign([PUBLICATION])
        event_id = named.event.id or ""

        self.assertEqual(
            without_edge_id(Record(1, event_id, named)), Record(1, event_id, PUBLICATION)
        )

    def test_left_alone(self) -> None:
        """
        A record with a publisher's ID stays as it is.
        """
        record = Record(1, "mine", Publication(("a",), ServerSentEvent("x", id="mine")))

        self.assertIs(without_edge_id(record), record)
