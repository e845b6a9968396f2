"""
This package's histories, built from the command line.
"""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.waiting import PATIENCE
from twisted_sse import units
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Publication
from twisted_sse.history import MemoryHistory
from twisted_sse.history.factories import (
    MemoryHistoryFactory,
    PostgresHistoryFactory,
    RedisHistoryFactory,
    SQLiteHistoryFactory,
)
from twisted_sse.history.postgres import PostgresHistory
from twisted_sse.history.redis import RedisHistory
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.interfaces import IHistoryFactory, IHistoryProvider
from twisted_sse.topics import Selection

__all__ = [
    "ExtraTests",
    "FactoryTests",
    "MemoryTests",
    "PostgresTests",
    "RedisTests",
    "SQLiteTests",
]

EVERYTHING = Selection.of("*")

# The password in these tests, which no message may contain.
SECRET = "swordfish"


class FactoryTests(SynchronousTestCase):
    """
    All factories.
    """

    FACTORIES: list[tuple[IHistoryFactory, type]] = [
        (MemoryHistoryFactory(), MemoryHistory),
        (SQLiteHistoryFactory(), SQLiteHistory),
        (PostgresHistoryFactory("postgres"), PostgresHistory),
        (PostgresHistoryFactory("postgresql"), PostgresHistory),
        (RedisHistoryFactory("redis"), RedisHistory),
        (RedisHistoryFactory("rediss"), RedisHistory),
        (RedisHistoryFactory("redis+sentinel"), RedisHistory),
        (RedisHistoryFactory("redis+unix"), RedisHistory),
    ]

    READERS: dict[str, Callable[[str], Any]] = {
        "events": units.count,
        "bytes": units.size,
        "age": units.seconds,
        "sync": str,
        "prefix": str,
        "schema": str,
        "wait": int,
    }

    def test_interface(self) -> None:
        """
        Each provides its interface.
        """
        for factory, _ in self.FACTORIES:
            with self.subTest(scheme=factory.scheme):
                self.assertTrue(verifyObject(IHistoryFactory, factory))

    def test_defaults(self) -> None:
        """
        A usage shows the defaults of its provider.
        """
        for factory, provider in self.FACTORIES:
            shown = re.sub(r",[a-z-]*file=PATH", "", factory.usage).partition(":")[2]
            if factory.scheme != "memory":
                # Commas separate the Sentinels of a URL, too.
                shown = shown.replace("HOST:PORT,HOST", "").partition(",")[2]
            parameters = inspect.signature(provider).parameters
            with self.subTest(scheme=factory.scheme):
                for name, value in units.arguments(shown, self.READERS).items():
                    self.assertEqual(parameters[name].default, value, name)


class MemoryTests(SynchronousTestCase):
    """
    ``memory:events=10000,bytes=64MiB,age=3600``.
    """

    BAD = [
        ("size=1", "'size'"),
        ("events", "'events' has no value"),
        ("events=0", "'0'"),
        ("events=many", "'many'"),
        ("bytes=1TiB", "'1TiB'"),
        ("age=0", "age"),
        ("age=-1", "'-1'"),
        ("events=5;age=3", "'5;age=3'"),
    ]

    def kept(self, arguments: str, *data: str) -> list[str | None]:
        """
        Return what is kept of *data*.
        """
        history: Any = MemoryHistoryFactory().build(arguments)
        for one in data:
            history.append([Publication.of("a", one)])
        return [record.publication.event.data for record in history.since(None, EVERYTHING, 99)]

    def test_default(self) -> None:
        """
        All arguments are optional.
        """
        for arguments in ("", ","):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.kept(arguments, "x", "y"), ["x", "y"])

    def test_events(self) -> None:
        """
        The number of events is bounded.
        """
        self.assertEqual(self.kept("events=2", "x", "y", "z"), ["y", "z"])

    def test_bytes(self) -> None:
        """
        The size of events is bounded.
        """
        big = "x" * 5000

        self.assertEqual(self.kept("bytes=9KiB", big, "y"), [big, "y"])
        self.assertEqual(self.kept("bytes=9KiB", big, big, "y"), [big, "y"])

    def test_age(self) -> None:
        """
        The age of events is bounded, in seconds: 0.1 microseconds pass at once.
        """
        self.assertEqual(self.kept("age=3600", "x"), ["x"])
        self.assertEqual(self.kept("age=0.0000001", "x"), [])

    def test_all(self) -> None:
        """
        Bounds are separated by commas, in any order.
        """
        self.assertEqual(self.kept("age=60,bytes=1GiB,events=1", "x", "y"), ["y"])

    def test_forgotten(self) -> None:
        """
        A forgotten ID is unknown.
        """
        history: Any = MemoryHistoryFactory().build("events=1")
        first, _ = history.append([Publication.of("a", "x"), Publication.of("a", "y")])
        history.append([Publication.of("a", "z")])

        with self.assertRaises(UnknownEventID):
            history.since(first.id, EVERYTHING, 99)

    def test_bad(self) -> None:
        """
        The error quotes the mistake.
        """
        for arguments, hint in self.BAD:
            with self.subTest(arguments=arguments):
                with self.assertRaises(ValueError) as caught:
                    MemoryHistoryFactory().build(arguments)

                self.assertIn(hint, str(caught.exception))


class SQLiteTests(SynchronousTestCase):
    """
    ``sqlite:PATH,events=100000,bytes=1GiB,age=86400,sync=full``.
    """

    BAD = [
        ("", "it needs the path of a file"),
        (",events=5", "it needs the path of a file"),
        (":memory:", "--history memory"),
        ("events.db,event=5", "'event' is unknown: use events, bytes, age, sync"),
        ("a,b/events.db", "'b/events.db' is unknown"),
        ("events.db,events=0", "events: '0'"),
        ("events.db,sync=off", "sync: 'off' is neither full nor normal"),
        ("events.db,age=0", "age"),
        ("nowhere/at/all/events.db", "nowhere/at/all"),
        (".", "is a directory"),
    ]

    def test_builds(self) -> None:
        """
        All arguments can be combined; building opens and creates nothing.
        """
        path = Path(self.mktemp()).absolute()
        path.mkdir()
        for rest in ("", ",", ",events=5,bytes=1MiB,age=60,sync=normal"):
            with self.subTest(rest=rest):
                history = SQLiteHistoryFactory().build(f"{path / 'events.db'}{rest}")

                self.assertTrue(verifyObject(IHistoryProvider, history))
                self.assertEqual(list(path.iterdir()), [])

    def test_bad(self) -> None:
        """
        The error names the mistake.
        """
        for arguments, hint in self.BAD:
            with self.subTest(arguments=arguments):
                with self.assertRaises((ValueError, HistoryUnavailable)) as caught:
                    SQLiteHistoryFactory().build(arguments)

                self.assertIn(hint, str(caught.exception))


class RedisTests(SynchronousTestCase):
    """
    ``redis://HOST:PORT/DB,prefix=twisted_sse,…``.
    """

    BAD = [
        ("redis", "", "URL"),
        ("redis", "//", "host"),
        ("redis", "//localhost:many", "port"),
        ("redis", "//localhost/first", "database"),
        (
            "redis",
            "//localhost,event=5",
            "'event' is unknown: use prefix, events, bytes, age, wait",
        ),
        ("redis", "//localhost,wait=-1", "wait: '-1'"),
        ("redis+sentinel", "//a:1,b:2,events=5", "no name of a master"),
        ("redis+sentinel", "//a:1,b:2", "no name of a master"),
        ("redis+sentinel", f"//u:a,{SECRET}@h/m,nonsense=1", "'nonsense'"),
        ("redis+unix", "//localhost/x", "no path of a socket"),
        ("redis", "//localhost,events=0", "events: '0'"),
        ("redis", "//localhost,prefix=", "'prefix' has no value"),
        ("redis", "//localhost,age=0", "age"),
        ("redis", "//localhost,cafile=ca.pem", "'cafile' is unknown"),
        ("redis", "//localhost,sentinel-password-file=x", "'sentinel-password-file' is unknown"),
        ("redis+sentinel", f"//h/m?sentinel_password={SECRET}&x=1", "?sentinel_user=USER"),
        ("redis", f"//u:a,{SECRET}@localhost", "%2C"),
        ("redis", f"//u:a,events={SECRET}@localhost", "%2C"),
        ("redis", f"//u:a/{SECRET}@localhost", "%2F"),
        ("redis", f"//u:{SECRET}@", "host"),
        ("redis", f"//u:{SECRET}@localhost,nonsense=1", "'nonsense'"),
    ]

    def test_builds(self) -> None:
        """
        All arguments can be combined.
        """
        for scheme, rest in (
            ("redis", "//localhost"),
            ("redis", f"//user:{SECRET}@localhost:6380/3,prefix=x,events=5,bytes=1MiB,age=60"),
            ("redis", f"//:{SECRET}%2C%40@localhost/0,"),
            ("rediss", "//localhost,prefix=x"),
            ("redis+sentinel", f"//:{SECRET}@a:1,b:2/m/3,prefix=x,wait=1"),
            ("rediss+sentinel", "//a/m"),
            ("redis+unix", f"//:{SECRET}@/run/redis.sock?db=3,prefix=x"),
        ):
            with self.subTest(scheme=scheme, rest=rest):
                history = RedisHistoryFactory(scheme).build(rest)

                self.assertTrue(verifyObject(IHistoryProvider, history))

    def test_files(self) -> None:
        """
        Passwords are the first lines of files; an error names the file, and no password.
        """
        good, empty = Path(self.mktemp()), Path(self.mktemp())
        good.write_text(f"{SECRET} two words\nmore\n", "utf-8")
        empty.write_text("\n", "utf-8")
        names = ("password", "sentinel-password")
        options = "".join(f",{name}-file={good}" for name in names)
        history = RedisHistoryFactory("redis+sentinel").build(f"//u@h/m{options}")

        url = history._url
        passwords = (url.password, url.sentinel_password)
        self.assertEqual(passwords, (f"{SECRET} two words",) * 2)
        self.assertNotIn(SECRET, repr(history))
        for path, hint in ((empty, "no password in its first line"), (good.parent, "be read")):
            with self.assertRaisesRegex(HistoryUnavailable, hint) as caught:
                RedisHistoryFactory("redis").build(f"//h,password-file={path}")
            self.assertIn(str(path), str(caught.exception))
        with self.assertRaisesRegex(ValueError, "password is given twice") as twice:
            RedisHistoryFactory("redis").build(f"//:{SECRET}@h,password-file={good}")
        self.assertNotIn(SECRET, str(twice.exception))

    def test_bad(self) -> None:
        """
        The error names the mistake, without any part of a password.
        """
        for scheme, arguments, hint in self.BAD:
            with self.subTest(arguments=arguments):
                with self.assertRaises(ValueError) as caught:
                    RedisHistoryFactory(scheme).build(arguments)

                self.assertIn(hint, str(caught.exception))
                self.assertNotIn(SECRET, str(caught.exception))


class PostgresTests(SynchronousTestCase):
    """
    ``postgresql://HOST:PORT/DB,schema=twisted_sse,…``.
    """

    BAD = [
        ("", "the URL has no database"),
        ("//localhost", "the URL has no database"),
        ("//localhost:many/db", "a port of the URL"),
        ("//localhost/db,event=5", "'event' is unknown: use schema, events, bytes, age"),
        ("//localhost/db,events=0", "events: '0'"),
        ("//localhost/db,schema=", "'schema' has no value"),
        ("//localhost/db,schema=A-b", "schema must be a lower-case letter"),
        ("//localhost/db,age=0", "age"),
        ("//localhost/db?connect_timeout=3", "connect_timeout"),
        ("//localhost/db?nonsense=3", "an option after the ? that libpq does not know"),
        (f"//u:a/b,{SECRET}@localhost/db", "%2C"),
        (f"//u:{SECRET}@localhost/db,nonsense=1", "'nonsense'"),
        (f"//u:{SECRET}@localhost:{SECRET}/db", "a port of the URL"),
    ]

    def test_builds(self) -> None:
        """
        All arguments can be combined, and there may be several hosts.
        """
        for rest in (
            "//localhost/db",
            "///db?host=/run/postgresql",
            f"//user:{SECRET}@one:5432,two:5433/db?sslmode=require,schema=x,events=5,bytes=1MiB",
        ):
            with self.subTest(rest=rest):
                history = PostgresHistoryFactory("postgresql").build(rest)

                self.assertTrue(verifyObject(IHistoryProvider, history))
                self.assertNotIn(SECRET, repr(history))

    def test_bad(self) -> None:
        """
        The error names the mistake, without any part of a password.
        """
        for arguments, hint in self.BAD:
            with self.subTest(arguments=arguments):
                with self.assertRaises(ValueError) as caught:
                    PostgresHistoryFactory("postgresql").build(arguments)

                self.assertIn(hint, str(caught.exception))
                self.assertNotIn(SECRET, str(caught.exception))


class ExtraTests(SynchronousTestCase):
    """
    Histories whose client is not installed.
    """

    CASES = [
        ("txredisapi", "redis://localhost", "Redis needs txredisapi", "redis"),
        ("psycopg", "postgresql://localhost/db", "PostgreSQL needs psycopg", "postgres"),
    ]

    def test_missing(self) -> None:
        """
        The error says how to install the extra.
        """
        for module, history, reason, extra in self.CASES:
            # None in sys.modules makes the import fail.
            program = (
                "import sys\n"
                f"sys.modules[{module!r}] = None\n"
                "from twisted_sse.server.tap import Options\n"
                f"Options().parseOptions(['--history', {history!r}])"
            )
            done = subprocess.run(
                [sys.executable, "-c", program],
                env=os.environ,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )

            self.assertEqual(done.returncode, 1)
            self.assertTrue(
                done.stderr.startswith(
                    f"twistd sse: --history: history in {reason}:"
                    f" pip install 'twisted-sse[{extra}]'."
                ),
                done.stderr,
            )
