"""
History in Redis: its order, and the service.
"""

import subprocess
import sys
from itertools import pairwise

from twisted.application.service import IService
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.redis_histories import ALL, MANY, RedisTestCase, data_of, publication
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.history.redis import RedisHistory
from twisted_sse.interfaces import ISharedHistoryProvider
from twisted_sse.topics import Selection

__all__ = ["ArgumentTests", "OrderTests", "ServiceTests"]


class OrderTests(RedisTestCase):
    """
    The order of events.
    """

    async def test_append(self) -> None:
        """
        A batch is returned in order, numbered without gaps, with different IDs.
        """
        history = self.open()
        batch = [publication(str(number)) for number in range(5)]
        records = [*await history.append(batch), *await history.append(batch)]

        self.assertEqual([one.publication for one in records], batch * 2)
        self.assertEqual([one.number for one in records], list(range(1, 11)))
        self.assertEqual(len({one.id for one in records}), 10)

    async def test_since(self) -> None:
        """
        `since` returns everything that follows, oldest first, as it was appended.
        """
        history = self.open()
        records = await self.fill(history, *"abcd")

        for index, one in enumerate(records):
            self.assertEqual(await history.since(one.id, ALL, MANY), records[index + 1 :])
        self.assertEqual(await history.since(None, ALL, MANY), records)

    async def test_empty(self) -> None:
        """
        An empty history finds nothing.
        """
        history = self.open()

        self.assertEqual(await history.since(None, ALL, 1), [])
        with self.assertRaises(UnknownEventID):
            await history.since("1-1", ALL, 1)

    async def test_texts(self) -> None:
        """
        Any text is read as it was written, and so is a missing one.
        """
        history = self.open()
        events = [
            ServerSentEvent("00123"),
            ServerSentEvent(""),
            ServerSentEvent('a\nb\0\x7f\u2028\U0001f600\\"/'),
            ServerSentEvent(None, comment=""),
            ServerSentEvent(None, event="t", id="é", retry=0, comment="a\nb"),
            ServerSentEvent("x" * 1_000_000),
        ]
        batch = [Publication(("a", "data", "n"), event, True) for event in events]
        records = await history.append(batch)

        self.assertEqual(await history.since(None, ALL, MANY), records)
        self.assertEqual([one.publication for one in records], batch)

    async def test_pages(self) -> None:
        """
        Results larger than a page are complete, and not larger than the limit.
        """
        history = self.open()
        batch = [publication(str(number), "ab"[number % 2]) for number in range(1200)]
        records = await history.append(batch)
        odd = Selection.of(["b"])

        self.assertEqual(await history.since(None, ALL, MANY), records)
        self.assertEqual(await history.since(None, odd, MANY), records[1::2])
        self.assertEqual(await history.since(records[0].id, odd, 301), records[1:602:2])
        self.assertEqual(await history.since(None, ALL, 300), records[:300])
        self.assertEqual(await history.since(None, Selection.of(["z"]), 1), [])

    async def test_large(self) -> None:
        """
        Large publications are read in small pages, and all are found.
        """
        history = self.open()
        records = await history.append([publication("x" * 300_000) for _ in range(12)])

        self.assertEqual(await history.since(None, ALL, MANY), records)
        self.assertEqual((await history.tail(12)).kept, records)

    async def test_at_once(self) -> None:
        """
        Batches that are appended at the same time are kept one after the other.
        """
        history = self.open()
        batches = [[publication(f"{one}{two}") for two in "abc"] for one in "xyz"]
        records = await gatherResults([history.append(batch) for batch in batches])

        found = await history.since(None, ALL, MANY)
        self.assertEqual(found, [one for batch in records for one in batch])
        self.assertEqual(data_of(found), ["xa", "xb", "xc", "ya", "yb", "yc", "za", "zb", "zc"])

    async def test_entries(self) -> None:
        """
        The entries in Redis show what was published.
        """
        history = self.open()
        event = ServerSentEvent("hi", event="e", id="mine", retry=7)
        await history.append([Publication(("a", "b"), event, private=True)])

        seen = self.server.cli("XREVRANGE", f"{{{self.prefix}}}:events", "+", "-", "COUNT", "1")
        _, *fields = seen.split("\n")
        expected = "n 1 topic a topic b data hi event e retry 7 private 1 id mine"
        self.assertEqual(" ".join(fields[:2] + fields[4:]), expected)


class ServiceTests(RedisTestCase):
    """
    The service.
    """

    def test_interfaces(self) -> None:
        """
        It is a shared history provider, and a service.
        """
        history = RedisHistory(self.server.url)

        self.assertTrue(verifyObject(ISharedHistoryProvider, history))
        self.assertTrue(verifyObject(IService, history))

    async def test_not_running(self) -> None:
        """
        Before its start and after its stop, calls fail and say so.
        """
        history = RedisHistory(self.server.url, prefix=self.prefix)
        for _ in range(2):
            for asking in (
                history.append([publication("x")]),
                history.since(None, ALL, 1),
                history.tail(1),
                history.locate("x"),
            ):
                with self.assertRaises(HistoryUnavailable) as caught:
                    await asking
                self.assertIn("not running", str(caught.exception))
            history.startService()
            await history.tail(1)
            await history.stopService()

    async def test_stop_at_once(self) -> None:
        """
        It can be stopped while it connects.
        """
        history = self.open()
        asking = history.tail(1)
        await history.stopService()

        with self.assertRaises(HistoryUnavailable):
            await asking

    async def test_stop_after_append(self) -> None:
        """
        It stops after pending appends have finished.
        """
        history = self.open()
        await history.tail(1)
        appending = history.append([publication("x")])
        await history.stopService()

        self.assertEqual(data_of(self.successResultOf(appending)), ["x"])

    async def test_restart(self) -> None:
        """
        After a restart it finds what it has kept.
        """
        history = self.open()
        records = await self.fill(history, "a")
        await history.stopService()
        history.startService()
        records += await self.fill(history, "b")

        self.assertEqual([one.number for one in records], [1, 2])
        self.assertEqual(await history.since(None, ALL, MANY), records)

    async def test_another(self) -> None:
        """
        Another process finds what was kept, and continues the numbers.
        """
        records = await self.fill(self.open(), "a", "b")
        history = self.open()
        records += await self.fill(history, "c")

        self.assertTrue(all(one.number + 1 == other.number for one, other in pairwise(records)))
        self.assertEqual(await history.since(records[0].id, ALL, MANY), records[1:])

    async def test_scripts_forgotten(self) -> None:
        """
        When Redis has forgotten the scripts, they are sent again.
        """
        history = self.open()
        await self.fill(history, "a")
        self.server.cli("SCRIPT", "FLUSH")

        self.assertEqual((await self.fill(history, "b"))[0].number, 2)

    async def test_same_batch(self) -> None:
        """
        A batch that is sent twice is kept once, and answered twice.
        """
        history = self.open()
        await self.fill(history, "a")
        stream = history._running_store()
        batch = [publication("x"), publication("y", event_id="mine")]
        records = await stream.append("node", 5, batch)
        again = await stream.append("node", 5, batch)

        self.assertEqual(again, records)
        self.assertEqual(data_of(await history.since(None, ALL, MANY)), ["a", "x", "y"])
        with self.assertRaises(HistoryUnavailable):
            await stream.append("node", 4, batch)


class ArgumentTests(SynchronousTestCase):
    """
    The constructor.
    """

    def test_nonsense(self) -> None:
        """
        The error names the invalid argument.
        """
        cases: list[tuple[dict[str, object], str]] = [
            *[({name: 0}, name) for name in ("events", "bytes", "age", "timeout")],
            ({"events": -1}, "events"),
            *[({"prefix": prefix}, "prefix") for prefix in ("", "a b", "{a}", "é", "a" * 201)],
            ({"cafile": "x"}, "cafile"),
            ({"url": "rediss://h", "cafile": "/nonexistent"}, "cannot be read"),
            ({"url": "rediss://h", "cafile": __file__}, "no PEM certificate"),
            ({"url": "redis://:secret@h:x"}, "port"),
        ]
        for arguments, word in cases:
            with self.subTest(arguments=arguments), self.assertRaises(ValueError) as caught:
                RedisHistory(**arguments)  # type: ignore[arg-type]
            self.assertIn(word, str(caught.exception))
            self.assertNotIn("secret", str(caught.exception))

    def test_repr(self) -> None:
        """
        It shows the URL and the prefix, but not the password.
        """
        history = RedisHistory("redis://me:secret@h/3", prefix="news")

        self.assertEqual(repr(history), "<RedisHistory redis://h:6379/3 news>")

    def test_made_early(self) -> None:
        """
        Making one chooses no reactor, and does not import txredisapi.
        """
        program = (
            "import sys; from twisted_sse.history.redis import RedisHistory; RedisHistory();"
            " print('twisted.internet.reactor' in sys.modules, 'txredisapi' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, text=True
        )

        self.assertEqual(done.stdout, "False False\n")

    def test_not_installed(self) -> None:
        """
        Without txredisapi or hiredis the error says what to install.
        """
        for name in ("txredisapi", "hiredis"):
            program = (
                f"import sys; sys.modules[{name!r}] = None;"
                "from twisted_sse.history.redis import RedisHistory; RedisHistory()"
            )
            done = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, check=False, text=True
            )

            last = done.stderr.splitlines()[-1]
            self.assertIn(f"{name}: pip install 'twisted-sse[redis]'", last)
