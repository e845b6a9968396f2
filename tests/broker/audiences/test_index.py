"""
The index of audiences: each publication finds the audiences that receive it.
"""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.orders import Order
from twisted_sse.broker.audiences.index import AudienceIndex
from twisted_sse.broker.audiences.representation import PLAIN
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.topics import Interest, Selection
from twisted_sse.transport.framing import chunked, raw

__all__ = ["AudienceIndexTests"]

_NAMES = ["a", "b", "/c/1", "/c/2"]
_SELECTIONS = st.lists(
    st.sampled_from([*_NAMES, "*", "/c/{x}", "{+x}"]), min_size=1, max_size=2
).map(Selection.of)
_INTERESTS = st.builds(Interest, _SELECTIONS, st.none() | _SELECTIONS, st.booleans())


def publication(*topics: str, private: bool = False) -> Publication:
    """
    Make a publication to *topics*.
    """
    return Publication(topics, ServerSentEvent("x"), private)


class AudienceIndexTests(SynchronousTestCase):
    """
    Audiences are made, found and removed.
    """

    def setUp(self) -> None:
        self.index = AudienceIndex(Order().window)

    @settings(derandomize=True, max_examples=200, deadline=None)
    @given(
        st.lists(_INTERESTS, max_size=8),
        st.lists(st.sampled_from(_NAMES), min_size=1, max_size=2, unique=True),
        st.booleans(),
        st.data(),
    )
    def test_definition(
        self, interests: list[Interest], topics: list[str], private: bool, data: st.DataObject
    ) -> None:
        """
        An audience is found if its interest matches, also after others were removed.
        """
        index = AudienceIndex(Order().window)
        entered = [index.enter(interest, PLAIN, raw) for interest in interests]
        if entered:
            index.exit(entered.pop(data.draw(st.integers(0, len(entered) - 1))))
        found = index.wanting(publication(*topics, private=private))

        expected = {one for one in entered if one.interest.matches(topics, private)}
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(set(found), expected)

    def test_framings(self) -> None:
        """
        Audiences of one interest over different framings are found, each once.
        """
        interest = Interest(Selection.of(["a", "{x}"]), None, True)
        audiences = [self.index.enter(interest, PLAIN, framing) for framing in (raw, chunked, raw)]

        self.assertIs(audiences[0], audiences[2])
        self.assertEqual(self.index.wanting(publication("a", "b")), audiences[:2])

    def test_removed(self) -> None:
        """
        An audience is removed when its last connection has left, and a new one is made then.
        """
        interest = Interest(Selection.of(["/c/{x}"]), Selection.of(["{+x}"]), False)
        first = self.index.enter(interest, PLAIN, raw)
        self.index.enter(interest, PLAIN, raw)
        self.index.exit(first)

        self.assertEqual(self.index.wanting(publication("/c/1", private=True)), [first])

        self.index.exit(first)

        self.assertEqual(len(self.index), 0)
        self.assertEqual(self.index.wanting(publication("/c/1")), [])
        self.assertIsNot(self.index.enter(interest, PLAIN, raw), first)
