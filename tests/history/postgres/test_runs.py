"""
Runs in PostgreSQL, beside what the contract says about them.
"""

from dataclasses import replace

from tests.support.following import publication
from tests.support.postgres_histories import PostgresTestCase
from twisted_sse.errors import PerhapsKept, RunLost, TopicEnded
from twisted_sse.events.runrecord import RunKey

__all__ = ["RunTests"]

_LONG = 60.0


class RunTests(PostgresTestCase):
    """
    Runs that are ended with SQL, by roles with few rights, and over lost connections.
    """

    async def test_ended_with_sql(self) -> None:
        """
        A program ends a run in a transaction of its own, and its owner is refused.
        """
        history = self.open()
        following = await self.follow(history)
        await history.begin_run("a", "one", _LONG, _LONG, False)
        self.sql("SELECT @.publish(ARRAY['a'], 'beside')")
        self.sql("SELECT @.end_topics(ARRAY['a'], 'cancelled')")
        await following.has(3)
        run = await history.find_run("a")

        self.assertEqual(following.data, ["{}", "beside", '{"outcome":"cancelled"}'])
        self.assertEqual(run and run.outcome, "cancelled")
        with self.assertRaises((RunLost, TopicEnded)):
            await history.append([replace(publication("x"), owner="one")])
        lost = await history.renew_runs([RunKey("a", "one")], _LONG)
        self.assertEqual(lost, [RunKey("a", "one")])

    async def test_rights(self) -> None:
        """
        A hub needs no more than what allow_hub() grants.
        """
        self.server.sql(
            "DO $$ BEGIN CREATE ROLE runner LOGIN;"
            " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        self.sql("SELECT @.allow_hub('runner')")
        history = self.open(url=self.server.url.replace("postgres@", "runner@"))
        begun = await history.begin_run("a", "one", _LONG, _LONG, True)
        await history.renew_runs([begun.run.key], _LONG)

        self.assertEqual(await history.interrupt_runs(_LONG, 9), [])
        self.assertEqual(await history.list_runs(None, 9), [begun.run])

    async def test_answer_lost(self) -> None:
        """
        If the connection is lost while a run begins, that is repeated, and the run begins once;
        if runs are interrupted meanwhile, the caller is told that they may have been.
        """
        history = self.open(timeout=20.0)
        await history.append([publication("x")])
        with self.server.connect() as blocking:
            # Nothing is appended as long as somebody reads the runs in this way.
            blocking.execute(f"LOCK TABLE {self.schema}.run IN ACCESS EXCLUSIVE MODE".encode())
            beginning = history.begin_run("a", "one", _LONG, _LONG, False)
            interrupting = history.interrupt_runs(_LONG, 9)
            for pid in await self.waiting_for_lock():
                self.server.sql("SELECT pg_terminate_backend(%s)", pid)
            with self.assertRaises(PerhapsKept):
                await interrupting
        begun = await beginning

        self.assertEqual(begun.run.key, RunKey("a", "one"))
        self.assertEqual(self.sql("SELECT count(*) FROM @.run"), [(1,)])
        self.assertEqual(self.sql("SELECT count(*) FROM @.event"), [(2,)])

    async def waiting_for_lock(self) -> list[int]:
        """
        Wait until a hub waits for a lock on a table; return the process IDs.
        """
        from twisted.internet import reactor
        from twisted.internet.task import deferLater

        while True:
            found = self.server.sql(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND wait_event = 'relation'"
            )
            if found:
                return [pid for (pid,) in found]
            # Poll; test cases have a time-out.
            await deferLater(reactor, 0.02)
