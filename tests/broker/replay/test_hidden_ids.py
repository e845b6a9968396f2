"""
The ID of an event that a subscriber may not read is not shown to it.
| A publisher may write anything into an ID: an invoice number, a name.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.history import AbsentHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.shared import SharedMemoryHistory, SharedStore
from twisted_sse import Grant
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Record
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryProvider, ISearchableHistory

__all__ = ["BeyondTheWindowTests", "ProbingTests", "ShownPositionTests"]

SECRET = "invoice-4711-ada"


class ShownPositionTests(SynchronousTestCase):
    """
    The position that a stream shows before its first event.
    """

    def setUp(self) -> None:
        """
        A public event, then a private one with its publisher's ID.
        """
        self.hub, self.clock = make_hub(MemoryHistory(), window_events=4)
        self.own = self.publish("news", "1")
        self.publish("ada", "secret", id=SECRET, private=True)

    def publish(
        self, topic: str, data: str, *, id: str | None = None, private: bool = False
    ) -> str:
        """
        Publish, and return the event ID.
        """
        done = self.hub.publish(topic, data, id=id, private=private)
        self.clock.advance(0)
        return self.successResultOf(done).id

    def subscribe(self, grant: Grant | None = None, last_event_id: str | None = None) -> Subscriber:
        """
        Subscribe to everything.
        """
        grant = grant or Grant(public=True)
        subscriber = Subscriber(self.hub, "*", grant=grant, last_event_id=last_event_id)
        self.clock.advance(0)
        return subscriber

    def test_hidden(self) -> None:
        """
        The stream starts at the newest ID that may be shown; resuming from it misses nothing and
        repeats nothing.
        """
        reader = self.subscribe()
        assert reader.start is not None
        self.assertEqual(reader.start.position.id, self.own)
        self.assertNotIn(SECRET.encode(), reader.sink.received)
        self.publish("news", "2")
        returning = self.subscribe(last_event_id=reader.start.position.id)

        self.assertEqual((reader.data, returning.data), (["2"], ["2"]))

    def test_shown(self) -> None:
        """
        A subscriber that may read the event is shown its ID.
        """
        ada = self.subscribe(Grant("ada", subscribe=["ada"], public=True))

        assert ada.start is not None
        self.assertEqual(ada.start.position.id, SECRET)

    def test_nothing_else_in_the_window(self) -> None:
        """
        If the window has only hidden IDs, the position before them is shown; if that is hidden too,
        none is.
        """
        for number in range(3):
            self.publish("ada", "secret", id=f"{SECRET}-{number}", private=True)
        first = self.subscribe()
        self.publish("ada", "secret", id=f"{SECRET}-3", private=True)
        second = self.subscribe()

        assert first.start is not None
        assert second.start is not None
        self.assertEqual(first.start.position.id, self.own)
        self.assertEqual(second.start.position.id, "")
        self.assertIn(b"event: stream-open\n", second.sink.received)
        self.assertNotIn(b"id: ", second.sink.received)
        self.assertNotIn(SECRET.encode(), second.sink.received)

    def test_live(self) -> None:
        """
        A stream that begins after hidden events gets what follows them, once.
        """
        reader = self.subscribe()
        for number in range(3):
            self.publish("ada", "secret", id=f"{SECRET}-{number}", private=True)
            self.publish("news", str(number))

        self.assertEqual(reader.data, ["0", "1", "2"])


class ProbingTests(SynchronousTestCase):
    """
    Probing whether an event with some ID exists.
    """

    def test_same_answer(self) -> None:
        """
        The ID of an event that may not be read is answered like an unknown one.
        """
        hub, clock = make_hub(retry_spread=0)
        hub.publish("ada", "secret", id=SECRET, private=True)
        clock.advance(0)
        asked = [Subscriber(hub, "*", last_event_id=one) for one in (SECRET, "invoice-4712-ada")]
        ada = Subscriber(hub, "*", last_event_id=SECRET, grant=Grant("ada", subscribe=["ada"]))
        clock.advance(0)

        streams = [one.sink.received.replace(b"4711", b"4712") for one in asked]
        self.assertIn(b"unknown-id", streams[0])
        self.assertEqual(streams[0], streams[1])
        assert ada.start is not None
        self.assertTrue(ada.start.resumed)


class BeyondTheWindowTests(SynchronousTestCase):
    """
    The same for events that only history has.
    """

    def ask(self, history: IHistoryProvider, event_id: str, grant: Grant) -> Subscriber:
        """
        Publish a private event with an ID, and more than fits into the window; then come
        with *event_id*.
        """
        hub, clock = make_hub(history, window_events=2)
        hub.publish("ada", "secret", id=SECRET, private=True)
        for number in range(5):
            hub.publish("news", str(number))
            clock.advance(0)
        subscriber = Subscriber(hub, "*", last_event_id=event_id, grant=grant)
        clock.advance(0)
        return subscriber

    def test_same_answer(self) -> None:
        """
        The ID is as unknown as one that is not there; whoever may read the event resumes.
        """
        for make in (MemoryHistory, _SharedMemory):
            with self.subTest(history=make):
                asked = [self.ask(make(), one, Grant(public=True)) for one in (SECRET, "invoice-1")]
                ada = self.ask(make(), SECRET, Grant("ada", subscribe=["ada"], public=True))

                self.assertEqual([one.start.resumed for one in asked if one.start], [False] * 2)
                streams = [
                    [(block.event, block.data) for block in one.sink.blocks] for one in asked
                ]
                self.assertIn("unknown-id", str(streams[0]))
                self.assertEqual(
                    str(streams[0]).replace(SECRET, "ID"),
                    str(streams[1]).replace("invoice-1", "ID"),
                )
                assert ada.start is not None
                self.assertTrue(ada.start.resumed)

    def test_unreadable_now(self) -> None:
        """
        If history cannot be searched now, nothing is told.
        """
        history = _SharedMemory()
        history.find = _fail  # type: ignore[method-assign]
        subscriber = self.ask(history, SECRET, Grant(public=True))

        self.assertEqual(subscriber.sink.received, b"retry: 3000\n\n")

    def test_plain_provider(self) -> None:
        """
        A provider that cannot search resumes as before.
        """
        subscriber = self.ask(AbsentHistory(away=False), SECRET, Grant(public=True))

        assert subscriber.start is not None
        self.assertTrue(subscriber.start.resumed)


@implementer(ISearchableHistory)
class _SharedMemory(SharedMemoryHistory):
    """
    A shared history that searches.
    """

    def __init__(self) -> None:
        super().__init__(SharedStore(Clock()))

    def find(self, event_id: str) -> Record | None:
        """
        See `ISearchableHistory.find`.
        """
        return self.store.memory.find(event_id)


def _fail(event_id: str) -> Record | None:
    raise HistoryUnavailable("The store is away.")
