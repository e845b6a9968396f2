"""
The ID of an event that a subscriber may not read is not shown to it.
| A publisher may write anything into an ID: an invoice number, a name.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from twisted_sse import Grant
from twisted_sse.history import MemoryHistory

__all__ = ["ProbingTests", "ShownPositionTests"]

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
        self.assertNotIn(b"stream-open", second.sink.received)
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
