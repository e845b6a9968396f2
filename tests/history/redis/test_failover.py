"""
Redis that moves: failover by Sentinels, replicas that acknowledge, UNIX sockets, clusters.
"""

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from tests.support.following import ALL, MANY, Following, data_of, publication
from tests.support.ports import free_port
from tests.support.redis_sentinel import RedisSentinel
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE, eventually
from twisted_sse.errors import HistoryUnavailable, PerhapsKept, UnknownEventID
from twisted_sse.events.publication import Record
from twisted_sse.history.redis import RedisHistory

__all__ = ["ClusterTests", "SentinelPasswordTests", "SentinelTests", "SocketTests"]


async def pause(seconds: float) -> None:
    """
    Let time pass.
    """
    from twisted.internet import reactor

    await deferLater(reactor, seconds)


class MovingTestCase(TestCase):
    """
    Opens histories.
    """

    timeout = 2 * PATIENCE

    def open(self, url: str, **options: object) -> RedisHistory:
        """
        Make a history and start it; it is stopped after the test.
        """
        history = RedisHistory(url, **options)  # type: ignore[arg-type]
        history.startService()
        self.addCleanup(history.stopService)
        return history

    def server(self, *options: str) -> RedisServer:
        """
        Start a Redis; it ends with the test.
        """
        server = RedisServer(*options)
        self.addCleanup(server.end)
        return server

    async def follow(self, history: RedisHistory) -> Following:
        """
        Follow *history* from its end.
        """
        following = Following()
        tail = await history.tail(1)
        history.follow(tail.newest, following.deliver, following.restart)
        return following

    async def works(self, history: RedisHistory) -> None:
        """
        Check that *history* keeps, finds and delivers.
        """
        following = await self.follow(history)
        records = [(await history.append([publication(one)]))[0] for one in "ab"]
        await following.has(2)

        self.assertEqual(following.kept, records)
        self.assertEqual(await history.since(records[0].id, ALL, 9), records[1:])


class SentinelTests(MovingTestCase):
    """
    A master, its replica, and a Sentinel, which is the second one in the URL.
    """

    def setUp(self) -> None:
        """
        Start them.
        """
        self.master = self.server("--repl-diskless-sync-delay", "0")
        self.replica = self.server("--replicaof", "127.0.0.1", str(self.master.port))
        eventually(
            lambda: "master_link_status:up" in self.replica.cli("INFO", "replication"),
            "the replica has no link",
        )
        self.sentinel = RedisSentinel(self.master)
        self.addCleanup(self.sentinel.end)
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{self.sentinel.port}"
        self.url = f"redis+sentinel://{hosts}/{self.sentinel.NAME}"

    async def keep_on(self, history: RedisHistory) -> list[Record]:
        """
        Append one after the other, until the master is killed, and return what was acknowledged.
        """
        records: list[Record] = []
        while True:
            try:
                records += await history.append([publication(str(len(records)))])
            except HistoryUnavailable:
                return records

    async def elected(self) -> None:
        """
        Wait until the Sentinel names the replica.
        """
        while self.sentinel.master != self.replica.port:
            await pause(0.05)

    async def test_acknowledged(self) -> None:
        """
        With wait=1, nothing that was acknowledged is lost when the master is killed under load,
        and everything is delivered once and in one order; no follower has to restart.
        """
        first = self.open(self.url, wait=1, timeout=1.0)
        second = self.open(self.url, wait=1, timeout=1.0)
        followings = [await self.follow(one) for one in (first, second)]
        appending = Deferred.fromCoroutine(self.keep_on(first))
        await followings[1].has(60)
        self.master.kill()
        acknowledged = await appending
        await self.elected()
        # There is no replica left to wait for.
        third = self.open(self.url)
        await self.available(third)
        (last,) = await third.append([publication("last")])
        for following in followings:
            await following.saw("last")
        found = await third.since(None, ALL, MANY)

        # The answer to the last one that was delivered may be missing.
        self.assertGreater(len(acknowledged), 50)
        self.assertEqual([one for one in found if one in acknowledged], acknowledged)
        self.assertEqual([one.kept for one in followings], [found, found])
        self.assertEqual([one.restarts for one in followings], [[], []])
        self.assertEqual(found[-1], last)

    async def test_lost(self) -> None:
        """
        Without it, a replica that was behind may take over: followers restart, and IDs of what
        is lost are unknown.
        """
        history = self.open(self.url, timeout=1.0)
        following = await self.follow(history)
        (kept,) = await history.append([publication("kept")])
        await following.has(1)
        eventually(lambda: self.offset(self.replica) == self.offset(self.master), "it is behind")
        self.master.cli("CLIENT", "KILL", "TYPE", "replica")
        self.replica.cli("REPLICAOF", "127.0.0.1", str(free_port()))
        (lost,) = await history.append([publication("lost")])
        await following.has(2)
        self.master.kill()
        self.replica.cli("REPLICAOF", "127.0.0.1", str(self.master.port))
        await self.elected()
        await following.restarted()
        await self.available(history)
        (later,) = await history.append([publication("later")])
        await following.saw("later")

        self.assertEqual(data_of(following.restarts[0].kept), ["kept"])
        with self.assertRaises(UnknownEventID):
            await history.since(lost.id, ALL, MANY)
        self.assertEqual(await history.since(kept.id, ALL, MANY), [later])

    async def test_unknown_name(self) -> None:
        """
        The error says what each Sentinel says.
        """
        history = self.open(self.url.replace(self.sentinel.NAME, "other"))
        error = await self.assertFailure(history.tail(1), HistoryUnavailable)  # type: ignore[arg-type]

        self.assertIn(f"127.0.0.1:{self.sentinel.port}: it knows no master 'other'", str(error))
        self.assertIn("refused", str(error))

    async def available(self, history: RedisHistory) -> None:
        """
        Wait until *history* answers.
        """
        while True:
            try:
                await history.check_available()
            except HistoryUnavailable:
                await pause(0.05)
            else:
                return

    def offset(self, server: RedisServer) -> str:
        """
        How far the replication of *server* is.
        """
        lines = server.cli("INFO", "replication").splitlines()
        return next(line for line in lines if line.startswith("master_repl_offset"))


class SentinelPasswordTests(MovingTestCase):
    """
    A Sentinel with a password, and a user, of its own.
    """

    PASSWORDS = ("master-secret", "sentinel-secret", "user-secret")

    def setUp(self) -> None:
        """
        Start them.
        """
        of_master, of_sentinel, of_user = self.PASSWORDS
        self.master = RedisServer(password=of_master)
        self.addCleanup(self.master.end)
        right = "+auth +sentinel|get-master-addr-by-name"
        self.sentinel = RedisSentinel(
            self.master,
            f"sentinel auth-pass {RedisSentinel.NAME} {of_master}",
            f"user hub on >{of_user} -@all {right}",
            f"user guest on >{of_user} -@all +auth",
            password=of_sentinel,
        )
        self.addCleanup(self.sentinel.end)
        address = f"127.0.0.1:{self.sentinel.port}/{self.sentinel.NAME}"
        self.url = f"redis+sentinel://:{of_master}@{address}"

    async def test_accepted(self) -> None:
        """
        It is asked with its own password, or that of a user, and Redis with another one; no log
        line and no error has any of them.
        """
        _, of_sentinel, of_user = self.PASSWORDS
        with capturedLogs() as events:
            for login in (
                f"sentinel_password={of_sentinel}",
                f"sentinel_user=hub&sentinel_password={of_user}",
            ):
                await self.works(self.open(f"{self.url}?{login}", prefix=login[:13]))
            self.master.end()
            history = self.open(f"{self.url}?sentinel_password={of_sentinel}")
            error = await self.assertFailure(history.tail(1), HistoryUnavailable)

        told = "".join([str(error), repr(history), *map(formatEvent, events)])
        for secret in self.PASSWORDS:
            self.assertNotIn(secret, told)

    async def test_refused(self) -> None:
        """
        The error says that it is about the Sentinel's login, and what to give.
        """
        _, of_sentinel, of_user = self.PASSWORDS
        for login, words in (
            (None, "it requires a password of its own: give sentinel_password"),
            ("sentinel_password=wrong", "check sentinel_user and sentinel_password"),
            (f"sentinel_user=nobody&sentinel_password={of_user}", "check sentinel_user"),
            (f"sentinel_user=guest&sentinel_password={of_user}", "get-master-addr-by-name"),
        ):
            history = self.open(f"{self.url}?{login}" if login else self.url)
            error = await self.assertFailure(history.tail(1), HistoryUnavailable)

            self.assertIn(words, str(error), login)
            self.assertNotIn(of_user, str(error))
            self.assertNotIn(of_sentinel, str(error))


class SocketTests(MovingTestCase):
    """
    A Redis at a UNIX socket.
    """

    async def test_socket(self) -> None:
        """
        It is used as over TCP.
        """
        server = self.server()

        await self.works(self.open(f"redis+unix://{server.socket}?db=2"))
        self.assertEqual(server.cli("-n", "2", "EXISTS", "{twisted_sse}:events"), "1")

    async def test_no_replica(self) -> None:
        """
        If no replica acknowledges in time, publishers are told so, and subscribers get the event.
        """
        history = self.open(self.server().url, wait=1, timeout=0.5)
        following = await self.follow(history)
        with self.assertRaisesRegex(PerhapsKept, "of 1 replicas only 0 have acknowledged"):
            await history.append([publication("a")])
        await following.has(1)

        self.assertEqual(following.data, ["a"])


class ClusterTests(MovingTestCase):
    """
    Two nodes of a cluster, of which one has all keys.
    """

    async def test_moved(self) -> None:
        """
        The node that has the keys is found, also after they were moved to the other one; nothing
        is lost meanwhile.
        """
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
        # By default the bus of a node has its port + 10000, which something else may have.
        buses = [str(free_port()) for _ in range(2)]
        one, other = (self.server(*options, "--cluster-port", bus) for bus in buses)
        one.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        one.cli("CLUSTER", "MEET", "127.0.0.1", str(other.port), buses[1])
        for node in (one, other):
            eventually(
                lambda node=node: "cluster_state:ok" in node.cli("CLUSTER", "INFO"),  # type: ignore[misc]
                "the cluster is down",
            )
        history = self.open(other.url)
        following = await self.follow(history)
        before = list(await history.append([publication("a"), publication("b")]))
        await following.has(2)
        self.assertEqual(one.cli("EXISTS", "{twisted_sse}:events"), "1")

        slot = one.cli("CLUSTER", "KEYSLOT", "{twisted_sse}:events")
        ids = [node.cli("CLUSTER", "MYID") for node in (one, other)]
        other.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
        one.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
        keys = one.cli("CLUSTER", "GETKEYSINSLOT", slot, "100").splitlines()
        one.cli("MIGRATE", "127.0.0.1", str(other.port), "", "0", "5000", "KEYS", *keys)
        with self.assertRaisesRegex(HistoryUnavailable, "moves the keys to another node"):
            await history.append([publication("refused")])
        for node in (other, one):
            node.cli("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
        while True:
            try:
                (after,) = await history.append([publication("moved")])
            except HistoryUnavailable:
                await pause(0.05)
            else:
                break
        await following.saw("moved")

        self.assertEqual(other.cli("EXISTS", "{twisted_sse}:events"), "1")
        self.assertEqual((following.kept, following.restarts), ([*before, after], []))
