"""
What is published at an edge is kept once, whatever becomes of the answers.
"""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.support.upstreams import Upstream
from tests.support.waiting import PATIENCE
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history import MemoryHistory
from twisted_sse.topics import Selection

__all__ = ["RefusedTests", "SizeTests", "UnansweredTests"]

ALL = Selection.of(["*"])


def publications(*data: str, **options: Any) -> list[Publication]:
    """
    One on the topic "a" for each of *data*.
    """
    return [Publication(("a",), ServerSentEvent(one, **options)) for one in data]


class _Hesitant(MemoryHistory):
    """
    Keeps at once, and answers when the test says so.

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
        self.answer.addCallback(lambda _: kept)
        self.asked.callback(None)
        kept = super().append(publications)
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
        What is kept upstream.
        """
        return list(self.store.since(None, ALL, 1 << 20))

    async def refused(self, asked: Deferred[Any]) -> str:
        """
        Why nothing was kept.
        """
        error = await self.assertFailure(asked, HistoryUnavailable)
        return str(error)


class UnansweredTests(_EdgeTestCase):
    """
    The connection is lost while upstream keeps a batch.
    """

    async def test_kept(self) -> None:
        """
        What was kept is told to be kept, and is there once.
        """
        history = _Hesitant()
        self.start(history)
        batch = [*publications("mine", id="mine"), *publications("b", "c")]
        appending = self.edge.append(batch)
        await history.asked
        await self.upstream.go_away()
        self.upstream.come_back()
        history.answer.callback(None)
        kept = await appending

        self.assertEqual([one.publication for one in kept], batch)
        there = [(one.number, one.id, one.publication.event.data) for one in self.kept]
        told = [(one.number, one.id, one.publication.event.data) for one in kept]
        self.assertEqual(told, there)

    async def test_not_kept(self) -> None:
        """
        What was not kept is refused, and not sent again.
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
        If upstream stays away, the publisher is told that nobody knows.
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
        Who waits when the edge stops is not left without an answer.
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
    Upstream says no.
    """

    async def test_history_away(self) -> None:
        """
        What upstream's history says is told, and nothing was kept.
        """
        history = _Refusing()
        self.start(history)
        history.answer.errback(HistoryUnavailable("The disk is full."))
        reason = await self.refused(self.edge.append(publications("a")))

        self.assertIn("The disk is full.", reason)

    async def test_token(self) -> None:
        """
        A token that upstream does not know is told to the publisher.
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
        So is a publication that is too large for upstream.
        """
        self.start(MemoryHistory(), max_body=1000)
        reason = await self.refused(self.edge.append(publications("x" * 1000)))

        self.assertIn("413", reason)
        self.assertEqual(self.kept, [])


class SizeTests(_EdgeTestCase):
    """
    More than upstream takes at once.
    """

    async def test_cut(self) -> None:
        """
        It is sent in several requests, in its order.
        """
        self.start(MemoryHistory())
        batch = publications(*(f"{number} {'é' * 100_000}" for number in range(12)))
        kept = await self.edge.append(batch)

        self.assertEqual([one.publication for one in kept], batch)
        self.assertEqual([one.id for one in kept], [one.id for one in self.kept])
