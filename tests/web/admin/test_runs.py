"""
``/runs``: which are listed, and cancelling one.
"""

from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory
from tests.web.admin.served import LOCAL, ServedAdmin
from twisted_sse.history import MemoryHistory
from twisted_sse.runs import Run, Runs

__all__ = ["FilterTests", "OneRunTests", "RowTests", "WithoutRunsTests"]


async def _endless() -> AsyncIterator[str]:
    yield "abc"
    await Deferred()


class _RunsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        """
        A hub with runs.
        """
        self.admin = ServedAdmin()
        self.runs = Runs(self.admin.hub)

    def begin(
        self, name: str, source: Any = None, user: str | None = None, runs: Runs | None = None
    ) -> Run:
        """
        Begin a run, by default one that goes on.
        """
        given = _endless() if source is None else source
        wanted = self.runs if runs is None else runs
        begun = Deferred.fromCoroutine(wanted.begin(name, given, user=user))
        self.turn()
        return self.successResultOf(begun)

    def turn(self) -> None:
        """
        Let some turns of the reactor pass.
        """
        self.admin.clock.pump([0.05] * 6)

    def look(self, query: str = "") -> Any:
        """
        Return what is told.
        """
        return self.admin.look(f"/runs{query}").json

    def names(self, query: str = "") -> list[str]:
        """
        Return the names of the runs that are listed.
        """
        return [row["name"] for row in self.look(query)["runs"]]


class RowTests(_RunsTestCase):
    """
    What is told of a run.
    """

    def test_running(self) -> None:
        """
        Of a run that goes on here: who has begun it, what it has yielded, and how many read it.
        """
        self.begin("one", user="ada")
        self.admin.call("GET", "/events?topic=runs/one", LOCAL)
        self.admin.clock.advance(60)

        (row,) = self.look()["runs"]

        self.assertEqual(
            {key: row[key] for key in ("name", "topic", "state", "user", "here", "private")},
            {
                **{"name": "one", "topic": "runs/one", "state": "running", "user": "ada"},
                **{"here": True, "private": True},
            },
        )
        self.assertEqual((row["events"], row["bytes"], row["readers"]), (1, 3, 1))
        self.assertEqual(row["begun"], "1970-01-01T00:00:00.050Z")
        self.assertGreaterEqual(row["seconds"], 60)

    def test_ended(self) -> None:
        """
        Of one that has ended: how.
        """
        self.begin("one", ["x"])

        answer = self.look()

        (row,) = answer["runs"]
        self.assertEqual((row["state"], row["here"], row["events"]), ("done", False, None))
        self.assertEqual((answer["active"], answer["before"]), (0, None))


class FilterTests(_RunsTestCase):
    """
    Which runs are listed.
    """

    def setUp(self) -> None:
        """
        Some that have ended, and some that go on.
        """
        super().setUp()
        self.begin("export", ["x"])
        self.begin("Answer", user="ada")
        self.begin("import", user="Bob")

    def test_order(self) -> None:
        """
        The newest is first; pages follow each other.
        """
        self.assertEqual(self.names(), ["import", "Answer", "export"])
        first = self.look("?limit=2")
        self.assertEqual([row["name"] for row in first["runs"]], ["import", "Answer"])
        second = self.look(f"?limit=2&before={first['before']}")
        self.assertEqual([row["name"] for row in second["runs"]], ["export"])
        self.assertIsNone(second["before"])

    def test_filters(self) -> None:
        """
        Filters leave what matches all of them.
        """
        self.assertEqual(self.names("?state=running"), ["import", "Answer"])
        self.assertEqual(self.names("?state=done"), ["export"])
        self.assertEqual(self.names("?user=ada"), ["Answer"])
        self.assertEqual(self.names("?q=PORT"), ["import", "export"])
        self.assertEqual(self.names("?q=bob&state=running"), ["import"])
        self.assertEqual(self.names("?q=port&limit=1"), ["import"])
        self.assertEqual(self.names("?state=failed"), [])

    def test_many(self) -> None:
        """
        What matches is found behind many that do not: a request looks through some, and tells
        where to go on.
        """
        history = MemoryHistory(events=100_000)
        self.admin = ServedAdmin(history)
        self.runs = Runs(self.admin.hub)
        self.begin("export", ["x"])
        for number in range(10_100):
            history.begin_run(f"runs/{number}", f"{number}", 1e6, 60, True)

        first = self.look("?state=done")
        second = self.look(f"?state=done&before={first['before']}")

        self.assertEqual(first["runs"], [])
        self.assertEqual([row["name"] for row in second["runs"]], ["export"])
        self.assertIsNone(second["before"])

    def test_refused(self) -> None:
        """
        What is not understood is refused.
        """
        queries = ("limit=0", "limit=1001", "before=x", "before=-1", "state=asleep", "sort=name")
        for query in queries:
            self.assertEqual(self.admin.look(f"/runs?{query}").status, 400, query)


class OneRunTests(_RunsTestCase):
    """
    ``/runs/NAME``.
    """

    def delete(self, name: str, **headers: str) -> int:
        """
        Cancel a run, and return the status of the answer.
        """
        caller = self.admin.call("DELETE", f"/runs/{name}", {**LOCAL, **headers})
        self.turn()
        return caller.answer.status

    def test_shown(self) -> None:
        """
        A run is found by its name, and by its topic.
        """
        self.begin("a/b")

        for path in ("a%2Fb", "runs%2Fa%2Fb"):
            self.assertEqual(self.look(f"/{path}")["topic"], "runs/a/b")
        self.assertEqual(self.admin.look("/runs/unknown").status, 404)

    def test_cancelled(self) -> None:
        """
        ``DELETE`` cancels it, and may be repeated.
        """
        run = self.begin("one")

        self.assertEqual([self.delete("one"), run.state], [204, "cancelled"])
        self.assertEqual(self.delete("one"), 204)
        self.assertEqual(self.delete("unknown"), 404)

    def test_page(self) -> None:
        """
        A page of another site cannot cancel it.
        """
        run = self.begin("one")

        self.assertEqual(self.delete("one", Origin="https://example.com"), 403)
        self.assertEqual(run.state, "running")

    def test_same_name(self) -> None:
        """
        If two runs have a name, the topic says which; nothing is cancelled by mistake.
        """
        jobs = Runs(self.admin.hub, prefix="jobs/")
        run, job = self.begin("7"), self.begin("7", runs=jobs)

        answer = self.admin.call("DELETE", "/runs/7", LOCAL).answer

        self.assertEqual(answer.status, 409)
        self.assertIn("'runs/7' or 'jobs/7'", answer.json["detail"])
        self.assertEqual(self.delete("jobs%2F7"), 204)
        self.assertEqual((run.state, job.state), ("running", "cancelled"))


class WithoutRunsTests(SynchronousTestCase):
    """
    Hubs that have no runs.
    """

    def test_empty(self) -> None:
        """
        The list is empty, also if the history could keep none.
        """
        for history in (None, AbsentHistory()):
            told = ServedAdmin(history).look("/runs").json

            self.assertEqual(told, {"runs": [], "active": 0, "before": None})
