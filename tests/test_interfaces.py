"""
The contracts of providers, and the ways in which methods may return.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.stores import BookkeepingHistory
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.topics import Selection

__all__ = ["AnswerTests", "ContractTests", "OwnHistory"]


#: The publication of the position before the first.
THE_FIRST = Publication.of("a", "")


@implementer(IHistoryProvider)
class OwnHistory:
    """
    A provider written from the contract alone, as a list.

    Args:
        answer: Calls a function, and returns its result in some form.
    """

    def __init__(self, answer: Callable[[Callable[[], Any]], Any]) -> None:
        self._answer = answer
        self._kept: list[Record] = []

    def append(self, publications: Sequence[Publication]) -> Any:
        """
        See `IHistoryProvider.append`.
        """
        return self._answer(lambda: [self._keep(one) for one in publications])

    def since(self, last_event_id: str | None, topics: Selection, limit: int) -> Any:
        """
        See `IHistoryProvider.since`.
        """
        return self._answer(lambda: self._find(last_event_id, topics)[:limit])

    def tail(self, limit: int) -> Any:
        """
        See `IHistoryProvider.tail`.
        """
        return self._answer(lambda: self._end(limit))

    def _keep(self, publication: Publication) -> Record:
        # Numbers may have gaps.
        number = 10 * len(self._kept) + 10
        self._kept.append(Record(number, publication.event.id or f"own-{number}", publication))
        return self._kept[-1]

    def _end(self, limit: int) -> Tail:
        before, *records = [Record(0, "before", THE_FIRST), *self._kept][-limit - 1 :]
        return Tail(Position(*before[:2]), records)

    def _find(self, last_event_id: str | None, topics: Selection) -> list[Record]:
        ids = ["before", *[one.id for one in self._kept]]
        if last_event_id is not None and last_event_id not in ids:
            raise UnknownEventID(last_event_id)
        start = 0 if last_event_id is None else ids.index(last_event_id)
        return [one for one in self._kept[start:] if topics.matches(one.publication.topics)]


def at_once(function: Callable[[], Any]) -> Any:
    """
    Return the result itself.
    """
    return function()


def deferred(function: Callable[[], Any]) -> Deferred[Any]:
    """
    Return a `Deferred` of the result.
    """
    return succeed(None).addCallback(lambda _: function())


async def coroutine(function: Callable[[], Any]) -> Any:
    """
    Return a coroutine that returns the result.
    """
    return function()


ANSWERS: list[Callable[[Callable[[], Any]], Any | Deferred[Any] | Coroutine[Any, Any, Any]]] = [
    at_once,
    deferred,
    coroutine,
]


class AnswerTests(SynchronousTestCase):
    """
    A hub accepts values, Deferreds and coroutines.
    """

    def test_answers(self) -> None:
        """
        Publishing, replaying, resuming and a gap work with each of them.
        """
        for answer in ANSWERS:
            with self.subTest(answer=answer.__name__):
                hub, clock = make_hub(OwnHistory(answer), window_events=2)
                live = Subscriber(hub, "a")
                for number in range(9):
                    hub.publish("a", str(number))
                    clock.advance(0)
                all_of_it = Subscriber(hub, "a", last_event_id="earliest")
                resumed = Subscriber(hub, "a", last_event_id="own-30")
                lost = Subscriber(hub, "a", last_event_id="another-30")
                for _ in range(5):
                    clock.advance(0)
                everything = [str(number) for number in range(9)]
                self.assertEqual(live.data, everything)
                self.assertEqual(all_of_it.data, everything)
                self.assertEqual(resumed.data, everything[3:])
                self.assertEqual(lost.data, everything)
                assert lost.start is not None
                self.assertEqual(lost.start.asked, "another-30")


class ContractTests(SynchronousTestCase):
    """
    The interfaces themselves.
    """

    def test_providers(self) -> None:
        """
        All providers in these tests provide the interface.
        """
        store = MemoryHistory()
        for provider in (
            store,
            OwnHistory(at_once),
            SlowHistory(store),
            AbsentHistory(),
            BookkeepingHistory(store),
        ):
            with self.subTest(provider=provider):
                self.assertTrue(verifyObject(IHistoryProvider, provider))
