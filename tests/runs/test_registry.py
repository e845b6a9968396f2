"""
`Hub.runs`: what goes on in this process, and what history knows of all.
"""

from typing import Any

from twisted.internet.defer import Deferred

from tests.runs.test_runs import RunCase, SharedCase
from tests.support.history import AbsentHistory
from tests.support.hubs import make_hub
from twisted_sse.runs import ActiveRun, Runs

__all__ = ["RegistryTests", "SharedRegistryTests"]


class RegistryTests(RunCase):
    """
    In one process.
    """

    def result(self, awaitable: Any) -> Any:
        """
        Wait for *awaitable*.
        """
        waiting = Deferred.fromCoroutine(awaitable)
        self.turn()
        return self.successResultOf(waiting)

    def test_active(self) -> None:
        """
        Iterating gives the runs that go on here, with what they have yielded and their readers.
        """
        begun = self.begin("one", user="ada").begun
        self.begin("over", source=["x"])
        self.turn(0.1)
        self.reader("one")
        self.give("abc", "äöü")

        self.assertEqual(len(self.hub.runs), 1)
        expected = ActiveRun("one", "runs/one", "ada", begun, events=2, bytes=6, readers=1)
        self.assertEqual(list(self.hub.runs), [expected])

    def test_list(self) -> None:
        """
        All runs that history knows are listed, of every prefix; each has its own name.
        """
        jobs = Runs(self.hub, prefix="jobs/", private=False)
        self.result(jobs.begin("7", ["x"]))
        self.begin("7")
        self.turn(0.1)

        first, second = self.result(self.hub.runs.list())

        self.assertEqual((first.name, first.topic, first.state), ("7", "runs/7", "running"))
        self.assertEqual((second.name, second.topic, second.state), ("7", "jobs/7", "done"))
        self.assertEqual((first.private, second.private), (True, False))
        self.assertEqual(self.result(self.hub.runs.list(first.number, 1)), [second])
        self.assertEqual(self.result(self.hub.runs.get("jobs/7")), second)
        self.assertIsNone(self.result(self.hub.runs.get("7")))

    def test_cancel(self) -> None:
        """
        A run is cancelled by its topic, once.
        """
        run = self.begin()

        cancelled = [self.result(self.hub.runs.cancel("runs/one")) for _ in range(2)]

        self.assertEqual((cancelled, run.state), ([True, False], "cancelled"))
        self.assertEqual(self.source.said, ["begun", "cancelled", "closed"])
        self.assertFalse(self.result(self.hub.runs.cancel("runs/unknown")))

    def test_limit(self) -> None:
        """
        A list of nothing is refused, by the hub and by `Runs`.
        """
        with self.assertRaisesRegex(ValueError, "limit is 0"):
            self.runs.list(limit=0)
        listing = Deferred.fromCoroutine(self.hub.runs.list(limit=0))
        self.assertIn("limit is 0", str(self.failureResultOf(listing, ValueError).value))

    def test_pages(self) -> None:
        """
        `Runs.list` is as long as it can be, although there are others between its own.
        """
        other = Runs(self.hub, prefix="other/")
        for number in range(4):
            self.begin(f"{number}", source=["x"])
            self.result(other.begin(f"{number}", ["x"]))
            self.turn(0.1)

        listed = self.successResultOf(self.runs.list(limit=3))

        self.assertEqual([one.name for one in listed], ["3", "2", "1"])

    def test_without_runs(self) -> None:
        """
        A hub whose history keeps no runs has none.
        """
        hub, _ = make_hub(AbsentHistory())

        self.assertEqual((len(hub.runs), list(hub.runs)), (0, []))
        self.assertEqual(self.result(hub.runs.list()), [])
        self.assertIsNone(self.result(hub.runs.get("runs/one")))
        self.assertFalse(self.result(hub.runs.cancel("runs/one")))


class SharedRegistryTests(SharedCase):
    """
    With another hub that shares the history.
    """

    def test_elsewhere(self) -> None:
        """
        A run is active where its source is, and known and cancelled everywhere.
        """
        self.result(self.runs[0].begin("one", self.source.items()))

        active = [len(hub.runs) for hub in self.hubs]
        (listed,) = self.result(self.hubs[1].runs.list())
        cancelled = self.result(self.hubs[1].runs.cancel("runs/one"))

        self.assertEqual((active, listed.name, cancelled), ([1, 0], "one", True))
        self.assertEqual(self.source.said, ["begun", "cancelled", "closed"])
