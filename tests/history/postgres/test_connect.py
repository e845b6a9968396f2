"""
Ways to a PostgreSQL: TLS, several servers, a password in a file, and a pooler.
"""

import os
import time
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import capturedLogs, formatEvent

from tests.support.certificates import write_certificate
from tests.support.following import ALL, data_of
from tests.support.pgbouncer import PgBouncer
from tests.support.ports import free_port
from tests.support.postgres_histories import PostgresTestCase
from tests.support.postgres_server import PostgresServer
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.postgres import PostgresHistory

__all__ = ["ServerTests", "TLSTests"]


class ServerTests(PostgresTestCase):
    """
    Servers without TLS.
    """

    async def refusal(self, history: PostgresHistory) -> str:
        """
        Why *history* is not available.
        """
        with self.assertRaises(HistoryUnavailable) as caught:
            await history.tail(1)
        return str(caught.exception)

    def database(self, name: str, url: str = "") -> str:
        """
        The URL of another database.
        """
        return f"{(url or self.server.url).rpartition('/')[0]}/{name}"

    async def works(self, history: PostgresHistory) -> None:
        """
        Check that *history* keeps, finds and delivers.
        """
        following = await self.follow(history)
        records = await self.fill(history, *"ab")
        await following.has(2)

        self.assertEqual(following.kept, records)
        self.assertEqual(await history.since(records[0].id, ALL, 9), records[1:])

    async def test_socket(self) -> None:
        """
        A UNIX socket.
        """
        url = f"postgresql://postgres@/postgres?host={self.server.home}&port={self.server.port}"

        await self.works(self.open(url=url))

    async def test_name(self) -> None:
        """
        A name, which the reactor looks up.
        """
        await self.works(self.open(url=self.server.url.replace("127.0.0.1", "localhost")))

    async def test_several(self) -> None:
        """
        The first server that answers is used.
        """
        here = f"127.0.0.1:{self.server.port}"
        there = f"127.0.0.1:{free_port()}"

        await self.works(self.open(url=self.server.url.replace(here, f"{there},{here}")))

    async def test_none(self) -> None:
        """
        If no server can be used, the error says why, for each.
        """
        here = f"127.0.0.1:{self.server.port}"
        there = f"127.0.0.1:{free_port()}"
        url = self.server.url.replace(here, f"{there},{here}")
        reason = await self.refusal(self.open(url=self.database("nothing", url)))

        self.assertIn(f"{there}: Connection refused", reason)
        self.assertIn(f"{here}: it has no such database", reason)

    async def test_read_only(self) -> None:
        """
        A server that cannot be written to is not used.
        """
        self.sql("CREATE DATABASE frozen")
        self.sql("ALTER DATABASE frozen SET default_transaction_read_only = on")
        history = self.open(url=self.database("frozen"))

        self.assertIn("read-only", await self.refusal(history))

    async def test_encoding(self) -> None:
        """
        A database that cannot keep every text is refused, also for an installation.
        """
        self.sql("CREATE DATABASE old ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        history = self.make(url=self.database("old"))

        error = await self.assertFailure(history.install(), HistoryUnavailable)
        self.assertIn("its encoding is LATIN1: use a database with UTF8", str(error))

    async def test_password(self) -> None:
        """
        A password from a file, which must be right.
        """
        self.sql("CREATE ROLE ada LOGIN SUPERUSER PASSWORD 's3cret'")
        self.server.require_password("ada")
        file = Path(self.mktemp())
        file.write_text("*:*:*:ada:s3cret\n", "utf-8")
        file.chmod(0o600)
        url = self.server.url.replace("postgres@", "ada@")
        await self.works(self.open(url=f"{url}?passfile={file.resolve()}"))
        self.patch(os, "environ", {**os.environ, "PGPASSFILE": "/dev/null"})
        reasons = [
            await self.refusal(self.open(url=url)),
            await self.refusal(self.open(url=url.replace("ada@", "ada:wr0ng@"))),
        ]

        for reason in reasons:
            self.assertIn("it refuses the user or the password", reason)
            self.assertNotIn("wr0ng", reason)

    async def test_slow_names(self) -> None:
        """
        While a name is looked up, the reactor does other work.
        """
        from twisted.internet import reactor

        asked: list[str] = []

        class Resolver:
            """
            Finds nothing for a while.
            """

            def resolveHostName(self, receiver, name, *rest):  # type: ignore[no-untyped-def]
                """
                See `IHostnameResolver.resolveHostName`.
                """
                asked.append(name)
                reactor.callLater(0.5, receiver.resolutionComplete)  # type: ignore[attr-defined]

        self.patch(reactor, "_nameResolver", Resolver())
        gaps, last = [0.0], time.monotonic()

        def tick() -> None:
            nonlocal last
            now = time.monotonic()
            gaps.append(now - last)
            last = now

        ticking = LoopingCall(tick)
        ticking.start(0.01)
        reason = await self.refusal(self.open(url="postgresql://u@db.example/d"))
        ticking.stop()

        self.assertEqual(set(asked), {"db.example"})
        self.assertIn("its name has no address", reason)
        self.assertGreater(len(gaps), 10)

    async def test_pooler(self) -> None:
        """
        Behind pgbouncer, which passes no notifications on, everything arrives nevertheless, and
        the log says so once.
        """
        from twisted.internet import reactor

        bouncer = PgBouncer(self.server)
        self.addCleanup(bouncer.end)
        with capturedLogs() as events:
            first, second = self.open(url=bouncer.url), self.open(url=bouncer.url)
            followings = [await self.follow(one) for one in (first, second)]
            await self.fill(first, *"abc")
            await self.fill(second, *"def")
            self.sql("SELECT @.publish(ARRAY['a'], 'g')")
            for following in followings:
                await following.has(7)
            # A hub says so when it first waits, and everything may have come before.
            while not (told := [line for line in map(formatEvent, events) if "pooler" in line]):
                await deferLater(reactor, 0.05)

        self.assertEqual([one.data for one in followings], [list("abcdefg")] * 2)
        self.assertIn(len(told), (1, 2))


class TLSTests(PostgresTestCase):
    """
    A server with a certificate for localhost.
    """

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start it.
        """
        home = Path(cls("test_verified").mktemp())
        home.mkdir()
        cls.certificate, key = write_certificate(home)
        cls.server = PostgresServer(certificate=(cls.certificate, key))
        cls.addClassCleanup(cls.server.end)

    def url(self, host: str, mode: str) -> str:
        """
        The URL of the server.
        """
        certificate = self.certificate.resolve()
        url = self.server.url.replace("127.0.0.1", host)
        return f"{url}?sslmode={mode}&sslrootcert={certificate}"

    async def test_verified(self) -> None:
        """
        The connection is encrypted, and the certificate is verified.
        """
        history = self.open(url=self.url("localhost", "verify-full"))
        await self.fill(history, "a")
        query = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        encrypted = self.sql(f"{query} WHERE application_name = 'twisted_sse'")

        self.assertEqual(data_of((await history.tail(1)).kept), ["a"])
        self.assertEqual(encrypted, [(True,)])

    async def test_wrong_name(self) -> None:
        """
        A certificate for another name is refused.
        """
        address = "127.0.0.1"
        url = self.url("other.example", "verify-full")
        history = self.open(url=f"{url}&hostaddr={address}")
        error = await self.assertFailure(_tail(history), HistoryUnavailable)

        self.assertIn("other.example", str(error))
        self.assertIn("does not match", str(error))

    async def test_unknown_authority(self) -> None:
        """
        So is one of an authority that is not trusted, which is the default for other machines.
        """
        home = Path(self.mktemp())
        home.mkdir()
        other, _ = write_certificate(home)
        url = self.server.url.replace("127.0.0.1", "localhost")
        history = self.open(url=f"{url}?sslmode=verify-full&sslrootcert={other.resolve()}")
        error = await self.assertFailure(_tail(history), HistoryUnavailable)

        self.assertIn("certificate verify failed", str(error))


def _tail(history: PostgresHistory) -> Deferred[object]:
    return history.tail(1)  # type: ignore[return-value]
