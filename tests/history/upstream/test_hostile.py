"""
An upstream hub that is broken, slow or hostile.
"""

from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.task import deferLater
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from tests.support.fake_upstream import FakeUpstream, block, note
from tests.support.redis_histories import Following
from tests.support.waiting import PATIENCE
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Position, Publication
from twisted_sse.history.upstream.history import UpstreamHistory
from twisted_sse.topics import Selection

__all__ = ["AnswerTests", "GapTests", "StreamTests", "TimeTests"]

reactor: Any = _reactor

ALL = Selection.of(["*"])


class _EdgeTestCase(TestCase):
    """
    An edge of a `FakeUpstream`.
    """

    timeout = PATIENCE

    def setUp(self) -> None:
        """
        Start both.
        """
        self.upstream = FakeUpstream()
        self.edge = UpstreamHistory(self.upstream.url, timeout=0.5)
        self.edge.startService()
        self.addCleanup(self.upstream.stop)
        self.addCleanup(self.edge.stopService)

    def follow(self) -> Following:
        """
        Follow upstream from the position that it begins with.
        """
        following = Following()
        self.edge.follow(Position(5, "e-5"), following.deliver, following.restart)
        return following

    async def refused(self, asking: Any) -> str:
        """
        Why history is not available.
        """
        return str(await self.assertFailure(asking, HistoryUnavailable))


class AnswerTests(_EdgeTestCase):
    """
    Answers about history.
    """

    async def test_nonsense(self) -> None:
        """
        What is no answer of a hub is an error with a sentence, whatever it is.
        """
        answers = [
            b"",
            b": []\n\n",
            b": " + b"[" * 100_000 + b"\n\n",
            b"data: x\n\n",
            note(before={"number": 1.5, "id": "x"}, count=0) + b"\n",
            note(before={"number": 10**30, "id": "x"}, count=0) + b"\n",
            note(before={"number": True, "id": "x"}, count=0) + b"\n",
            note(before={"number": 1, "id": "a\x01\r\nX: y"}, count=0) + b"\n",
            note(before={"number": 1, "id": 5}, count=0) + b"\n",
            note(before={"number": 1, "id": "x"}, count="many") + b"\n",
            note(before={"number": 1, "id": "x"}, count=2) + b"\n" + block(2, "e-2"),
            note(before={"number": 9, "id": "x"}, count=1) + b"\n" + block(2, "e-2"),
            self.upstream.tail(0, *[block(one, f"e-{one}") for one in range(1, 9)]),
        ]
        for answer in answers:
            with self.subTest(answer=answer[:60]):
                self.upstream.excerpt = lambda path, answer=answer: answer  # type: ignore[misc]
                self.assertNotIn("Traceback", await self.refused(self.edge.tail(5)))

    async def test_passed_over(self) -> None:
        """
        An event that cannot be read is passed over, with one line, and the others are found.
        """
        damaged = [
            block("7", "e-7"),
            b': {"number": Infinity, "topics": ["t"]}\nid: e-7\ndata: x\n\n',
            block(-(10**30), "e-7"),
            block(7, "e-7", topics=[None]),
            block(7, "e-7", topics=[]),
            block(7, "e-7", topics="t"),
            block(7, "e-7", topics=["t"] * 100_000),
            block(7, "\x01\x1b"),
            block(6, "e-6", "again"),
            block(3, "e-3", "old"),
            b"data: no note\n\n",
        ]
        for one in damaged:
            blocks = [block(6, "e-6", "first"), one, block(8, "e-8", "last")]
            with self.subTest(damaged=one[:60]), capturedLogs() as logged:
                self.upstream.excerpt = lambda path, blocks=blocks: (  # type: ignore[misc]
                    self.upstream.tail(5, *blocks)
                )
                self.edge._store.unreadable._entries.clear()  # type: ignore[union-attr]
                for _ in range(2):
                    tail = await self.edge.tail(5)
                    data = [each.publication.event.data for each in tail.kept]
                    self.assertEqual(data, ["first", "last"])
                lines = [each for each in logged if "passed over" in (each["log_format"] or "")]
                self.assertEqual([each["log_level"] for each in lines], [LogLevel.warn])

    async def test_page_of_nonsense(self) -> None:
        """
        A page is not taken for the last one because some of it was passed over.
        """
        pages = {
            "e-5": [block(6, "e-6"), block("x", "e-7")],
            "e-7": [block(8, "e-8"), block(9, "e-9")],
            "e-8": [block(9, "e-9")],
        }

        def answer(path: str) -> bytes:
            found = pages[path.partition("last_event_id=")[2].partition(" ")[0]]
            limit = int(path.partition("limit=")[2].partition("&")[0])
            return self.upstream.tail(0, *found[:limit])

        self.upstream.excerpt = answer
        records = await self.edge.since("e-5", ALL, 2)

        self.assertEqual([one.number for one in records], [6, 8])

    async def test_endless(self) -> None:
        """
        An answer that does not end is given up, in time and in size.
        """
        self.upstream.excerpt = lambda path: (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: " + b"x" * (20 << 20)
        )
        self.assertNotEqual(await self.refused(self.edge.tail(5)), "")

    async def test_large(self) -> None:
        """
        A page that is larger than an answer may be is asked for in parts.
        """
        store = self.edge._store
        assert store is not None
        store.max_answer = 64 << 10
        large = "x" * (9 << 10)

        def answer(path: str) -> bytes:
            limit = int(path.partition("limit=")[2].partition("&")[0].partition(" ")[0])
            count = min(8, limit)
            first = 8 - count + 1
            return self.upstream.tail(
                first - 1, *[block(one, f"e-{one}", large) for one in range(first, 9)]
            )

        self.upstream.excerpt = answer
        tail = await self.edge.tail(1024)

        self.assertGreaterEqual(len(tail.kept), 1)
        self.assertEqual(tail.newest, Position(8, "e-8"))
        whole = note(count=8) + b"\n" + b"".join(block(one, f"e-{one}", large) for one in range(8))
        self.upstream.excerpt = lambda path: whole
        self.assertIn("too many events", await self.refused(self.edge.since(None, ALL, 256)))

    async def test_receipts(self) -> None:
        """
        The answer to a publication is checked; then upstream is asked by the event's ID.
        """
        for body in (b'[{"id": "\\u001b[31m", "number": 1}]', b'[{"id": "x", "number": 1e400}]'):
            self.upstream.post = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (
                len(body),
                body,
            )
            self.upstream.excerpt = lambda path: note(unknown=True, count=0) + b"\n"
            reason = await self.refused(self.edge.append([Publication.of("t", "x")]))
            self.assertIn("does not know", reason)


class TimeTests(_EdgeTestCase):
    """
    An upstream that takes its time.
    """

    async def seconds(self, asking: Any) -> float:
        """
        How long it takes until history is not available.
        """
        began = reactor.seconds()
        await self.refused(asking)
        return float(reactor.seconds() - began)

    async def test_silent(self) -> None:
        """
        The time-out is that of every answer, however much is asked for: before the head,
        after it, and if bytes only trickle.
        """
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        for answer in (None, head, head + b": x"):
            self.upstream.excerpt = lambda path, answer=answer: answer  # type: ignore[misc]
            for asking in (
                self.edge.tail(1024),
                self.edge.tail(1),
                self.edge.since(None, ALL, 256),
                self.edge.locate("x"),
            ):
                # Twice would be too long, with some time for a busy machine.
                self.assertLess(await self.seconds(asking), 0.95)

    async def test_proxy(self) -> None:
        """
        While a proxy answers for upstream, the outcome of a publication is asked for as long
        as the time-out says.
        """
        error = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        self.upstream.post = error
        self.upstream.excerpt = lambda path: error
        reason = await self.refused(self.edge.append([Publication.of("t", "x", id="mine")]))
        self.assertIn("may have been kept", reason)

        def answer(path: str) -> bytes:
            if len(self.upstream.asked) < 2:
                return error
            position = {"number": 6, "id": "mine"}
            return note(position=position, count=0) + b"\n"

        self.upstream.asked.clear()
        self.upstream.excerpt = answer
        (record,) = await self.edge.append([Publication.of("t", "x", id="mine")])
        self.assertEqual(record.number, 6)


class StreamTests(_EdgeTestCase):
    """
    The stream.
    """

    async def test_passed_over(self) -> None:
        """
        An event that cannot be read does not end the stream.
        """
        self.upstream.stream = b"".join(
            [
                self.upstream.opening(),
                block(6, "e-6", "first"),
                b': {"number": Infinity, "topics": ["t"]}\nid: e-7\ndata: x\n\n',
                block(7, "e-7", topics=[None]),
                block(8, "e-8", "last"),
            ]
        )
        with capturedLogs() as logged:
            following = self.follow()
            await following.has(2)

        self.assertEqual(following.data, ["first", "last"])
        warnings = [one for one in logged if one["log_level"] != LogLevel.info]
        self.assertEqual([one["log_level"] for one in warnings], [LogLevel.warn])

    async def test_endless_line(self) -> None:
        """
        A line that does not end is given up at a size, and the edge is not ready.
        """
        self.upstream.stream = self.upstream.opening() + b"data: " + b"x" * (17 << 20)
        with capturedLogs() as logged:
            self.follow()
            while not any("not available" in (formatEvent(one) or "") for one in logged):
                await deferLater(reactor, 0.05)

        self.assertIn("is not available", await self.refused(self.edge.check_available()))

    async def test_returns_at_once(self) -> None:
        """
        An edge comes back at once, whatever time upstream tells it to wait.
        """
        self.upstream.stream = self.upstream.opening() + b"retry: 100000\n\n"
        self.follow()
        await self.until(1)
        began = reactor.seconds()
        for protocol in list(self.upstream._open):
            protocol.transport.loseConnection()  # type: ignore[union-attr]
        await self.until(2)

        self.assertLess(reactor.seconds() - began, 3)

    async def until(self, streams: int) -> None:
        """
        Wait until so many streams were asked for.
        """
        while len([one for one in self.upstream.asked if "excerpt" not in one]) < streams:
            await deferLater(reactor, 0.01)


class GapTests(_EdgeTestCase):
    """
    An upstream that does not know where its own history ends.
    """

    async def test_again_and_again(self) -> None:
        """
        It is asked with pauses, subscribers are restarted once, and the log says it once.
        """
        self.upstream.stream = b'event: stream-reset\ndata: {"reason": "unknown-id"}\n\n'
        with capturedLogs() as logged:
            following = self.follow()
            await following.restarted()
            await deferLater(reactor, 2.5)

        self.assertLess(len(self.upstream.asked), 12)
        self.assertEqual(len(following.restarts), 1)
        lines = [formatEvent(one) or "" for one in logged if one["log_level"] == LogLevel.warn]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("does not know its own end", lines[0])
        self.assertIn("does not know its own end", await self.refused(self.edge.check_available()))

    async def test_unknown(self) -> None:
        """
        An unknown ID is one, and not an outage.
        """
        self.upstream.excerpt = lambda path: note(unknown=True, count=0) + b"\n"

        await self.assertFailure(self.edge.locate("x"), UnknownEventID)
        self.assertIsNone(await self.edge.find("x"))
