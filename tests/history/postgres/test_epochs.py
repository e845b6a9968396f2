"""
Stores that have lost publications, or may have: standbys that take over, and backups.
"""

from tests.support.following import ALL, MANY, Following, data_of
from tests.support.postgres_histories import PostgresTestCase
from tests.support.postgres_server import PostgresServer
from tests.support.waiting import eventually
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Record
from twisted_sse.history.postgres import PostgresHistory

__all__ = ["BackupTests", "StandbyTests"]


def epoch_of(record: Record) -> str:
    """
    What the ID of *record* begins with.
    """
    return record.id.partition("-")[0]


class BackupTests(PostgresTestCase):
    """
    The database is replaced by an older one.
    """

    async def test_restored(self) -> None:
        """
        What a hub has seen and the backup has not is lost: followers restart, IDs from before
        are unknown, and no number or ID is used again.
        """
        first, second = self.open(), self.open()
        following = await self.follow(second)
        kept = await self.fill(first, *"abc")
        await following.has(3)
        backup = self.server.back_up()
        await self.available(first, second)
        lost = await self.fill(first, *"de")
        await following.has(5)

        self.server.restore(backup)
        await following.restarted()
        await self.available(first, second)
        later = await self.fill(first, *"fg")
        await following.has(7)

        self.assertEqual(following.restarts[0].kept, [])
        self.assertEqual(following.kept, [*kept, *lost, *later])
        self.assertEqual(await second.since(None, ALL, MANY), later)
        self.assertGreater(later[0].number, lost[-1].number)
        self.assertNotEqual(epoch_of(later[0]), epoch_of(lost[0]))
        for record in (*kept, *lost):
            with self.assertRaises(UnknownEventID):
                await first.since(record.id, ALL, MANY)
        self.assertEqual(await first.since(later[0].id, ALL, MANY), later[1:])

    async def test_restored_again(self) -> None:
        """
        Each time, one epoch begins, although the hub's connections know one that is not there.
        """
        history = self.open()
        following = await self.follow(history)
        kept = await self.fill(history, "a")
        await following.has(1)
        backup = self.server.back_up()
        await self.available(history)
        for count in (1, 2, 3):
            kept += await self.fill(history, str(count))
            await following.has(1 + count)
            self.server.restore(backup)
            await following.restarted(count)
            await self.available(history)

            self.assertEqual(self.sql("SELECT count(*) FROM @.epoch"), [(2,)])

        self.assertEqual(following.kept, kept)
        self.assertEqual(len({epoch_of(one) for one in kept}), 3)

    async def test_complete(self) -> None:
        """
        A backup that has everything goes on as if nothing had happened.
        """
        history = self.open()
        following = await self.follow(history)
        kept = await self.fill(history, *"ab")
        await following.has(2)
        self.server.restore(self.server.back_up())
        await self.available(history)
        later = await self.fill(history, "c")
        await following.has(3)

        self.assertEqual((following.kept, following.restarts), ([*kept, *later], []))
        self.assertEqual(epoch_of(later[0]), epoch_of(kept[0]))


class StandbyTests(PostgresTestCase):
    """
    A primary is killed, and its standby takes over.
    """

    timeout = 60

    @classmethod
    def setUpClass(cls) -> None:
        """
        Each test has its own servers.
        """

    async def setUp(self) -> None:
        """
        Start a primary and a standby.
        """
        self.server = self.primary = PostgresServer()
        self.addCleanup(self.primary.end)
        await super().setUp()
        url = self.primary.url
        self.standby = PostgresServer(primary=self.primary)
        self.addCleanup(self.standby.end)
        # A hub tries the standby first, and finds out.
        here = f"127.0.0.1:{self.primary.port}"
        self.url = url.replace(here, f"127.0.0.1:{self.standby.port},{here}")
        await self.replicated()

    async def replicated(self) -> None:
        """
        Wait until the standby has everything.
        """
        query = """
            SELECT replay_lsn >= pg_current_wal_lsn() FROM pg_stat_replication
            WHERE application_name = 'standby'
        """
        eventually(lambda: self.primary.sql(query) == [(True,)], "the standby is behind")

    async def hubs(self) -> tuple[PostgresHistory, PostgresHistory, Following, Following]:
        """
        Two hubs, and what they follow.
        """
        first, second = self.open(url=self.url), self.open(url=self.url)
        return first, second, await self.follow(first), await self.follow(second)

    async def take_over(self, *histories: PostgresHistory) -> None:
        """
        Kill the primary, and promote the standby.
        """
        self.primary.kill()
        self.standby.promote()
        await self.available(*histories)

    async def test_behind(self) -> None:
        """
        If acknowledged publications are missing, all followers restart, and IDs from before are
        unknown, although only one hub has seen what is missing.
        """
        first, second, one, other = await self.hubs()
        kept = await self.fill(first, *"ab")
        for following in (one, other):
            await following.has(2)
        await self.replicated()
        self.standby.stop()
        await second.stopService()
        lost = await self.fill(first, *"cd")
        await one.has(4)
        self.primary.kill()
        self.standby.restart()
        self.standby.promote()

        # This hub knows nothing of what is missing, and comes first.
        second.startService()
        await self.available(second)
        again = Following()
        second.follow((await second.tail(1)).newest, again.deliver, again.restart)
        later = await self.fill(second, "e")
        await self.available(first)
        await one.restarted()
        later += await self.fill(first, "f")
        # The other one restarts too, if it began before the first told what is missing.
        for following in (one, again):
            await following.saw("f")
            self.assertEqual(following.known, later)

        self.assertNotEqual(epoch_of(later[0]), epoch_of(lost[0]))
        for record in (*kept, *lost):
            with self.assertRaises(UnknownEventID):
                await second.since(record.id, ALL, MANY)
        self.assertEqual(data_of(await first.since(None, ALL, MANY)), ["e", "f"])

    async def test_synchronous(self) -> None:
        """
        A standby that has everything goes on: nothing is missing, and nobody has to restart.
        """
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        self.primary.sql("SELECT pg_reload_conf()")
        first, second, one, other = await self.hubs()
        kept = await self.fill(first, *"ab")
        await self.take_over(first, second)
        self.standby.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
        later = await self.fill(second, *"cd")
        for following in (one, other):
            await following.has(4)

        self.assertEqual([one.kept, other.kept], [[*kept, *later]] * 2)
        self.assertEqual([one.restarts, other.restarts], [[], []])
        self.assertNotEqual(epoch_of(later[0]), epoch_of(kept[0]))
        self.assertEqual(await first.since(kept[0].id, ALL, MANY), [*kept[1:], *later])
        self.assertEqual(await first.since(later[0].id, ALL, MANY), later[1:])
