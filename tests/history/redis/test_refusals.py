"""
History in Redis: what Redis refuses, and TLS.
"""

from pathlib import Path

from tests.support.certificates import write_certificate
from tests.support.redis_histories import (
    ALL,
    MANY,
    RedisTestCase,
    data_of,
    publication,
)
from tests.support.redis_server import RedisServer
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.presence import NodeChange, Occupancy
from twisted_sse.history.redis import RedisHistory

__all__ = ["PermissionTests", "RefusalTests", "TLSTests"]


class PermissionTests(RedisTestCase):
    """
    Users, passwords and permissions.
    """

    async def reason(self, url: str) -> str:
        """
        Return why nothing can be kept.
        """
        history = self.open(url=url)
        with self.assertRaises(HistoryUnavailable) as caught:
            await history.append([publication("x")])
        self.assertNotIn("secret", str(caught.exception))
        return str(caught.exception)

    def setUp(self) -> None:
        """
        Add a user with the documented permissions, and one without.
        """
        groups = "+@stream +@hash +@string +@scripting +@keyspace +@connection +time"
        for command in (
            ["FLUSHALL"],
            ["ACL", "SETUSER", "full", "on", ">se/cret", f"~{{{self.prefix}}}:*", *groups.split()],
            ["ACL", "SETUSER", "poor", "on", ">secret", "~*", "+@connection"],
            ["ACL", "SETUSER", "present", "on", ">secret", f"~{{{self.prefix}}}:*"],
            ["ACL", "SETUSER", "present", *groups.split(), "+@sortedset"],
        ):
            self.server.cli(*command)

    def url(self, user: str) -> str:
        """
        Return the URL with *user*.
        """
        return self.server.url.replace("//", f"//{user}@")

    async def test_user(self) -> None:
        """
        A user with a password and just the documented rights can do everything.
        """
        history = self.open(url=self.url("full:se%2Fcret"), events=5)
        following = await self.follow(history)
        batch = [publication(one, event_id="mine") for one in "abcde"]
        records = await history.append(batch)
        await following.has(5)
        await history.append(batch[:3])

        self.assertEqual(following.kept[:5], records)
        self.assertEqual(data_of(await history.since(None, ALL, MANY)), list("deabc"))

    async def test_presence(self) -> None:
        """
        Presence needs one right more, and the error names it.
        """
        poor = self.open(url=self.url("full:se%2Fcret"))
        with self.assertRaises(HistoryUnavailable) as caught:
            await poor.exchange("one", [], None, 10.0)
        self.assertIn("for presence and runs also +@sortedset", str(caught.exception))

        history = self.open(url=self.url("present:secret"))
        await history.exchange("one", [Occupancy("a", "ada", 1)], None, 10.0)
        news = await history.exchange("two", [], None, 10.0)

        self.assertEqual(list(news.changes), [NodeChange("one", Occupancy("a", "ada", 1))])

    async def test_password(self) -> None:
        """
        The password of the default user is enough.
        """
        server = RedisServer(password="secret")
        self.addCleanup(server.end)
        history = self.open(url=server.url.replace("//", "//:secret@"))

        self.assertEqual((await self.fill(history, "a"))[0].number, 1)

    async def test_wrong(self) -> None:
        """
        If Redis refuses the credentials, the error says what to check.
        """
        server = RedisServer(password="right")
        self.addCleanup(server.end)

        self.assertIn("check them in the URL", await self.reason(self.url("full:secret")))
        self.assertIn("write one into the URL", await self.reason(server.url))

    async def test_not_permitted(self) -> None:
        """
        If permissions are missing, the error names them.
        """
        self.assertIn("+@scripting", await self.reason(self.url("poor:secret")))

    async def test_database(self) -> None:
        """
        The error says that the database does not exist.
        """
        self.assertIn("no database", await self.reason(self.server.url.replace("/0", "/99")))


class RefusalTests(RedisTestCase):
    """
    Commands that Redis refuses.
    """

    async def reason(self, history: RedisHistory) -> str:
        """
        Return why nothing can be kept.
        """
        with self.assertRaises(HistoryUnavailable) as caught:
            await history.append([publication("x")])
        return str(caught.exception)

    async def test_not_ours(self) -> None:
        """
        Keys that hold something else are left as they are.
        """
        stream = f"{{{self.prefix}}}:events"
        history = self.open()
        for command in (["SET", stream, "x"], ["XADD", stream, "1-1", "foo", "bar"]):
            self.server.cli("FLUSHALL")
            self.server.cli(*command)
            self.assertIn("use another prefix", await self.reason(history))
        for key in ("ids", f"batch:{history._node}"):
            self.server.cli("FLUSHALL")
            self.server.cli("LPUSH", f"{{{self.prefix}}}:{key}", "x")
            self.assertIn("use another prefix", await self.reason(history))
            self.assertEqual(self.server.cli("EXISTS", stream), "0")

    async def test_memory(self) -> None:
        """
        While the memory is full nothing is kept; with more memory it is again.
        """
        history = self.open()
        await self.fill(history, "a")
        self.server.cli("CONFIG", "SET", "maxmemory", "1")
        full = await self.reason(history)
        self.server.cli("CONFIG", "SET", "maxmemory", "0")
        await self.fill(history, "b")

        self.assertIn("raise its maxmemory", full)
        self.assertEqual(data_of(await history.since(None, ALL, MANY)), ["a", "b"])

    async def test_replica(self) -> None:
        """
        A replica keeps nothing; once it is the primary, it does.
        """
        history = self.open()
        await self.fill(history, "a")
        self.server.cli("REPLICAOF", "127.0.0.1", "1")
        replica = await self.reason(history)
        self.server.cli("REPLICAOF", "NO", "ONE")
        await self.available(history)
        await self.fill(history, "b")

        self.assertIn("connect to its primary", replica)
        self.assertEqual(data_of(await history.since(None, ALL, MANY)), ["a", "b"])


class TLSTests(RedisTestCase):
    """
    Connections over TLS.
    """

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start a Redis for TLS, with a self-signed certificate for localhost.
        """
        cls.certificate = write_certificate(Path.cwd())
        cls.server = RedisServer("--bind", "127.0.0.1", "127.0.0.2", certificate=cls.certificate)
        cls.addClassCleanup(cls.server.end)

    async def reason(self, **options: object) -> str:
        """
        Return why there is no connection.
        """
        history = self.open(**options)
        with self.assertRaises(HistoryUnavailable) as caught:
            await history.tail(1)
        return str(caught.exception)

    async def test_verified(self) -> None:
        """
        With the certificate as cafile everything works, by name and by address.
        """
        for host in ("localhost", "127.0.0.1"):
            url = self.server.url.replace("localhost", host)
            history = self.open(url=url, cafile=str(self.certificate[0]), prefix=host)
            following = await self.follow(history)
            records = await self.fill(history, "x" * 200_000)
            await following.has(1)
            self.assertEqual(following.kept, records)

    async def test_not_trusted(self) -> None:
        """
        A certificate that the machine does not trust is refused.
        """
        self.assertIn("certificate verify failed", await self.reason())

    async def test_another_host(self) -> None:
        """
        A certificate for another host is refused.
        """
        url = self.server.url.replace("localhost", "127.0.0.2")

        self.assertIn(
            "for another host", await self.reason(url=url, cafile=str(self.certificate[0]))
        )

    async def test_not_tls(self) -> None:
        """
        TLS to a plain server fails, and so does plain text to a TLS server.
        """
        plain = RedisServer()
        self.addCleanup(plain.end)
        for url in (f"rediss://127.0.0.1:{plain.port}", f"redis://127.0.0.1:{self.server.port}"):
            self.assertIn("is not available", await self.reason(url=url, timeout=0.5))
