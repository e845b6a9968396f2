"""
The event IDs that edges make.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history.upstream.edgeids import EdgeIDs, is_ours, unnamed

__all__ = ["NamesTests"]

PUBLICATION = Publication(("a", "b"), ServerSentEvent("x", comment="c"), private=True)


class NamesTests(SynchronousTestCase):
    """
    Given, recognized, and taken away again.
    """

    def test_unique(self) -> None:
        """
        No ID is made twice, by one edge or by two.
        """
        named = [one for _ in range(3) for one in EdgeIDs().give([PUBLICATION] * 2)]
        ids = [one.event.id for one in named]

        self.assertEqual(len(set(ids)), 6)
        self.assertTrue(all(map(is_ours, ids)))

    def test_publishers_own(self) -> None:
        """
        A publisher's ID stays, and is not taken for an edge's.
        """
        own = Publication(("a",), ServerSentEvent("x", id="mine"))

        self.assertEqual(EdgeIDs().give([own]), [own])
        for event_id in (None, "", "mine", "edge-1-2", "a-1", "edge-0123456789abcdef-", "edge"):
            self.assertFalse(is_ours(event_id))

    def test_unnamed(self) -> None:
        """
        What comes back is what the edge was handed, and keeps its ID.
        """
        (named,) = EdgeIDs().give([PUBLICATION])
        event_id = named.event.id or ""

        self.assertEqual(unnamed(Record(1, event_id, named)), Record(1, event_id, PUBLICATION))

    def test_not_unnamed(self) -> None:
        """
        What others have named stays as it is.
        """
        kept = Record(1, "mine", Publication(("a",), ServerSentEvent("x", id="mine")))

        self.assertIs(unnamed(kept), kept)
