"""
The index of selections: it agrees with each selection alone.
"""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.support.statemachines import check_machine
from tests.topics.instructions import instructions
from tests.topics.languages import PATHS, TOPICS
from tests.topics.test_patternindex import PATTERNS
from twisted_sse.topics import Everything, Exact, Selection, SelectionIndex, Selector

__all__ = ["AgreementTests", "CostTests", "SelectionIndexTests"]

_SELECTORS: st.SearchStrategy[Selector] = st.one_of(
    PATTERNS, (TOPICS | PATHS).map(Exact), st.just(Everything())
)
_SELECTIONS = st.lists(_SELECTORS, min_size=1, max_size=4).map(Selection.of)


class Additions(RuleBasedStateMachine):
    """
    Selections are added and removed, and topics matched in between.
    """

    def __init__(self) -> None:
        super().__init__()
        self.index = SelectionIndex()
        self.selections: list[Selection] = []

    @rule(selections=st.lists(_SELECTIONS, max_size=5), count=st.integers(1, 2))
    def add(self, selections: list[Selection], count: int) -> None:
        """
        Some are added, perhaps twice.
        """
        for selection in selections * count:
            self.index.add(selection)
            self.selections.append(selection)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """
        Some are removed, once each.
        """
        for _ in range(len(self.selections) // 2):
            selection = data.draw(st.sampled_from(self.selections))
            self.selections.remove(selection)
            self.index.remove(selection)

    @rule(topics=st.lists(TOPICS | PATHS, min_size=1, max_size=3))
    def match(self, topics: list[str]) -> None:
        """
        The index finds what matches alone.
        """
        expected = {one for one in self.selections if one.matches(topics)}
        assert set(self.index.matching(topics)) == expected, topics
        assert len(self.index) == len(set(self.selections))


class AgreementTests(SynchronousTestCase):
    """
    An index and its selections agree.
    """

    def test_additions(self) -> None:
        """
        Whatever is added and removed, the index finds the selections that match alone.
        """
        check_machine(Additions, max_examples=50)


class SelectionIndexTests(SynchronousTestCase):
    """
    Selections are counted, and found by any of their selectors.
    """

    def setUp(self) -> None:
        self.index = SelectionIndex()

    def test_counted(self) -> None:
        """
        A selection is found until it has been removed as often as it was added.
        """
        for _ in range(2):
            self.index.add(Selection.of(["a", "{x}"]))
        self.index.remove(Selection.of(["{x}", "a"]))

        self.assertEqual(list(self.index.matching(["a"])), [Selection.of(["a", "{x}"])])

        self.index.remove(Selection.of(["a", "{x}"]))

        self.assertEqual(self.index.matching(["a"]), {})
        self.assertEqual(len(self.index), 0)

    def test_shared_selectors(self) -> None:
        """
        A selector of two selections stays when one of them is removed.
        """
        both, one = Selection.of(["a", "/{x}"]), Selection.of(["a", "/{x}", "b"])
        self.index.add(both)
        self.index.add(one)
        self.index.remove(both)

        for topic in ("a", "/c", "b"):
            with self.subTest(topic=topic):
                self.assertEqual(list(self.index.matching([topic])), [one])

    def test_order(self) -> None:
        """
        A selection is found once, whatever it matches by; everything comes first.
        """
        named, everything = Selection.of(["a", "{x}", "b"]), Selection.of(["*"])
        self.index.add(named)
        self.index.add(everything)

        self.assertEqual(list(self.index.matching(["b", "a", "c"])), [everything, named])

    def test_unknown(self) -> None:
        """
        Removing a selection that is not there raises KeyError, and changes nothing.
        """
        self.index.add(Selection.of(["a"]))

        self.assertRaises(KeyError, self.index.remove, Selection.of(["b"]))
        self.assertEqual(len(self.index.matching(["a"])), 1)


class CostTests(SynchronousTestCase):
    """
    Selections that do not match cost next to nothing.
    """

    def test_names(self) -> None:
        """
        A publication costs the same, however many other names are there.
        """
        index = SelectionIndex()
        index.add(Selection.of(["a"]))
        alone = instructions(lambda: index.matching(["a"]))
        for number in range(1000):
            index.add(Selection.of([str(number)]))

        self.assertEqual(instructions(lambda: index.matching(["a"])), alone)

    def test_patterns(self) -> None:
        """
        A thousand templates of one shape cost less than four times what one does.
        """
        index = SelectionIndex()
        topics = ["https://example.com/users/7/room/1"]
        index.add(Selection.of(["https://example.com/users/{id}/room/1"]))
        index.matching(topics)
        alone = instructions(lambda: index.matching(topics))
        for number in range(2, 1000):
            index.add(Selection.of([f"https://example.com/users/{{id}}/room/{number}"]))
        index.matching(topics)

        self.assertLess(instructions(lambda: index.matching(topics)), 4 * alone)
