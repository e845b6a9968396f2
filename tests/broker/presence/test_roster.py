"""
Who is on each topic, at all hubs together.
"""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.presence.roster import HERE, Roster
from twisted_sse.events.presence import Occupancy, PresenceMember

__all__ = ["RosterTests"]


class Recorder:
    """
    Records what a roster reports.
    """

    def __init__(self) -> None:
        self.changes: list[tuple[str | None, ...]] = []

    def joined(self, topic: str, user: str, info: str | None) -> None:
        """
        See `Changes`.
        """
        self.changes.append(("joined", topic, user, info))

    def left(self, topic: str, user: str, info: str | None) -> None:
        """
        See `Changes`.
        """
        self.changes.append(("left", topic, user, info))

    def counted(self, topic: str) -> None:
        """
        See `Changes`.
        """
        self.changes.append(("counted", topic))


class RosterTests(SynchronousTestCase):
    """
    Hubs that have members.
    """

    def setUp(self) -> None:
        """
        An empty roster.
        """
        self.recorder = Recorder()
        self.roster = Roster(self.recorder)

    def test_once(self) -> None:
        """
        A user at two hubs is one member, from the first until the last of them.
        """
        for node, number in [(HERE, 1), ("b", 1), (HERE, 0)]:
            self.roster.put(node, Occupancy("a", "ada", number, '"first"'))
        self.assertEqual(self.roster.members("a"), [PresenceMember("ada", "first")])
        self.assertEqual(self.recorder.changes, [("joined", "a", "ada", '"first"')])

        self.roster.put("b", Occupancy("a", "ada", 0))

        self.assertEqual(self.recorder.changes[1:], [("left", "a", "ada", '"first"')])
        self.assertEqual((self.roster.members("a"), len(self.roster)), ([], 0))

    def test_repeated(self) -> None:
        """
        Repeating a change changes nothing, and neither does removing a stranger.
        """
        for _ in range(3):
            self.roster.put("b", Occupancy("a", "ada", 1))
            self.roster.put("b", Occupancy("a", None, 2))
            self.roster.put("c", Occupancy("a", "ada", 0))
            self.roster.put("c", Occupancy("x", "ada", 0))
            self.roster.put("c", Occupancy("x", None, 0))

        self.assertEqual(self.recorder.changes, [("joined", "a", "ada", None), ("counted", "a")])
        self.assertEqual((self.roster.count("a"), self.roster.anonymous("a")), (3, 2))

    def test_order(self) -> None:
        """
        Members are in the order in which they came; a limit takes the first.
        """
        for user in ("eve", "ada", "bob"):
            self.roster.put(HERE, Occupancy("a", user, 1))

        self.assertEqual([one.user for one in self.roster.members("a")], ["eve", "ada", "bob"])
        self.assertEqual([one.user for one in self.roster.members("a", 2)], ["eve", "ada"])

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["", "x", "y"]),
                st.sampled_from(["a", "b"]),
                st.sampled_from([None, "ada", "eve"]),
                st.integers(0, 2),
            ),
            max_size=40,
        )
    )
    def test_model(self, puts: list[tuple[str, str, str | None, int]]) -> None:
        """
        State and reported changes are those of a plain table, whatever happens.
        """
        recorder = Recorder()
        roster = Roster(recorder)
        table: dict[tuple[str, str, str | None], int] = {}
        for node, topic, user, number in puts:
            roster.put(node, Occupancy(topic, user, number))
            table[node, topic, user] = number

        for topic in ("a", "b"):
            users = {user for (_, on, user), n in table.items() if on == topic and n and user}
            anonymous = sum(n for (_, on, user), n in table.items() if on == topic and not user)
            told = [change for change in recorder.changes if change[1] == topic]
            balance = {
                user: told.count(("joined", topic, user, None))
                - told.count(("left", topic, user, None))
                for user in ("ada", "eve")
            }
            self.assertEqual({one.user for one in roster.members(topic)}, users)
            self.assertEqual(roster.anonymous(topic), anonymous)
            self.assertEqual(roster.count(topic), len(users) + anonymous)
            self.assertEqual({user for user, left in balance.items() if left}, users)
