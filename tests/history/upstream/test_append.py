"""
Publications at an edge are kept exactly once, even if answers are lost.
"""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.support.upstreams import Upstream
from tests.support.waiting import PATIENCE
from twisted_sse.errors import HistoryUnavailable, PerhapsKept
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history import MemoryHistory
from twisted_sse.topics import Selection

__all__ = ["RefusedTests", "SizeTests", "UnansweredTests"]

ALL = Selection.of(["*"])


def publications(*data: str, **options: Any) -> list[Publication]:
    """
    Make a publication on the topic "a" for each of *data*.
    """
    return [Publication(("a",), ServerSentEvent(one, **options)) for one in data]


class _Hesitant(MemoryHistory):
    """
    Keeps at once, and answers when the test fires `answer`.

    Attributes:
        asked: Fires when there is something to answer.

        answer: To be fired then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: Deferred[None] = Deferred()
        self.answer: Deferred[None] = Deferred()

    def append(self, publications: Sequence[Publication]) -> Any:
        """
        See `IHistoryProvider.append`.
        """
        self.answer.addCallback(lambda _: records)
        self.asked.callback(None)
        records = super().append(publications)
        return self.answer


class _Refusing(_Hesitant):
    """
    Keeps nothing.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        """
        See `IHistoryProvider.append`.
        """
        self.asked.callback(None)
        return self.answer


class _EdgeTestCase(TestCase):
    """
    An edge, and what its upstream has kept.
    """

    timeout = PATIENCE

    def start(self, history: MemoryHistory, **options: Any) -> None:
        """
        Start both.
        """
        self.store = history
        self.upstream = Upstream(history, **options)
        self.upstream.start()
        self.edge = self.upstream.edge(timeout=1.0)
        self.edge.startService()
        self.addCleanup(self.upstream.stop)
        self.addCleanup(self.edge.stopService)

    @property
    def kept(self) -> list[Record]:
        """
        The records that upstream keeps.
        """
        return list(self.store.since(None, ALL, 1 << 20))

    async def refused(self, asked: Deferred[Any]) -> str:
        """
        Return why nothing was kept.
        """
        error = await self.assertFailure(asked, HistoryUnavailable)
        return str(error)


class UnansweredTests(_EdgeTestCase):
    """
    The connection is lost while upstream keeps a batch.
    """

    async def test_kept(self) -> None:
        """
        Publications that were kept are acknowledged, and are there once.
        """
        history = _Hesitant()
        self.start(history)
        batch = [*publications("mine", id="mine"), *publications("b", "c")]
        appending = self.edge.append(batch)
        await history.asked
        await self.upstream.go_away()
        self.upstream.come_back()
        history.answer.callback(None)
        records = await appending

        self.assertEqual([one.publication for one in records], batch)
        there = [(one.number, one.id, one.publication.event.data) for one in self.kept]
        told = [(one.number, one.id, one.publication.event.data) for one in records]
        self.assertEqual(told, there)

    async def test_not_kept(self) -> None:
        """
        Publications that were not kept are refused, and not sent again.
        """
        history = _Refusing()
        self.start(history)
        appending = self.edge.append(publications("a"))
        await history.asked
        await self.upstream.go_away()
        self.upstream.come_back()
        history.answer.errback(HistoryUnavailable("The disk is full."))
        reason = await self.refused(appending)

        self.assertIn("does not know", reason)
        self.assertEqual(self.kept, [])

    async def test_never_known(self) -> None:
        """
        If upstream stays unavailable, the publisher is told that the outcome is unknown.
        """
        history = _Hesitant()
        self.start(history)
        appending = self.edge.append(publications("a"))
        await history.asked
        await self.upstream.go_away()
        history.answer.callback(None)
        reason = await self.refused(appending)

        self.assertIn("may have been kept", reason)
        self.assertEqual(len(self.kept), 1)

    async def test_stopped(self) -> None:
        """
        A pending append fails when the edge stops.
        """
        history = _Hesitant()
        self.start(history)
        appending = self.edge.append(publications("a"))
        await history.asked
        stopping = self.edge.stopService()
        await self.refused(appending)
        history.answer.callback(None)

        await stopping


class RefusedTests(_EdgeTestCase):
    """
    Upstream refuses.
    """

    async def test_history_away(self) -> None:
        """
        The error of upstream's history is passed on, and nothing was kept.
        """
        history = _Refusing()
        self.start(history)
        history.answer.errback(HistoryUnavailable("The disk is full."))
        reason = await self.refused(self.edge.append(publications("a")))

        self.assertIn("The disk is full.", reason)

    async def test_token(self) -> None:
        """
        The publisher is told that upstream refuses the token.
        """
        self.start(MemoryHistory())
        stranger = self.upstream.edge(token="wrong")
        stranger.startService()
        self.addCleanup(stranger.stopService)
        reason = await self.refused(stranger.append(publications("a")))

        self.assertIn("401", reason)
        self.assertNotIn("wrong", reason)

    async def test_too_large(self) -> None:
        """
        The publisher is told that a publication is too large for upstream.
        """
        self.start(MemoryHistory(), max_body=1000)
        reason = await self.refused(self.edge.append(publications("x" * 1000)))

        self.assertIn("413", reason)
        self.assertEqual(self.kept, [])


class SizeTests(_EdgeTestCase):
    """
    Batches larger than upstream accepts.
    """

    async def test_cut(self) -> None:
        """
        A batch is split into several requests, in order.
        """
        self.start(MemoryHistory())
        batch = publications(*(f"{number} {'é' * 100_000}" for number in range(12)))
        records = await self.edge.append(batch)

        self.assertEqual([one.publication for one in records], batch)
        self.assertEqual([one.id for one in records], [one.id for one in self.kept])

    async def test_second_refused(self) -> None:
        """
        If a later request is refused, nobody is told that nothing was kept.
        """
        self.start(MemoryHistory(), max_body=500_000)
        batch = publications("x" * 300_000, "y" * 800_000)
        error = await self.assertFailure(self.edge.append(batch), PerhapsKept)

        self.assertIn("A part of the batch was kept.", str(error))
        self.assertEqual(len(self.kept), 1)
