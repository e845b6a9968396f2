"""
The clients of `tests.chaos client` notice every fault of an event.
"""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.behaviors import END_MARKER, Behavior
from tests.chaos.client import Client
from tests.chaos.numbered import NumberedEvents
from tests.client.memory import URL, MemoryServer
from twisted_sse.events.codec import encode
from twisted_sse.events.event import ServerSentEvent

__all__ = ["ClientTests"]

_END_MARKER = 3


class ClientTests(SynchronousTestCase):
    """
    A stream with the end marker after three events.
    """

    def setUp(self) -> None:
        """
        Start the client.
        """
        self.server = MemoryServer()
        self.log = NumberedEvents(1, 0, False)
        behavior = Behavior("signals")
        self.client = Client(
            self.server.clock, "client 0", URL, self.server.agent, behavior, self.log
        )
        self.following = Deferred.fromCoroutine(self.client.follow())
        self.server.newest.answer()

    def send(self, *numbers: int) -> None:
        """
        Send numbered events.
        """
        for number in numbers:
            self.server.newest.send(encode(self.log.event(number)))

    def kinds(self) -> list[str]:
        """
        Send the end marker, and return the kinds of the faults that were found.
        """
        self.server.newest.send(encode(ServerSentEvent(str(_END_MARKER), END_MARKER)))
        self.assertTrue(self.client.done)
        self.successResultOf(self.following)
        return [kind for kind, _ in self.client.faults]

    def test_good(self) -> None:
        """
        Three events in order are correct.
        """
        self.send(1, 2, 3)

        self.assertEqual(self.kinds(), [])

    def test_lost(self) -> None:
        """
        A missing event is lost, in the middle and at the end.
        """
        self.send(1, 3)
        self.assertEqual(self.kinds(), ["lost"])

        self.setUp()
        self.send(1, 2)
        self.assertEqual(self.kinds(), ["lost"])

    def test_doubled(self) -> None:
        """
        An event that comes again is doubled.
        """
        self.send(1, 2, 2, 3)

        self.assertEqual(self.kinds(), ["doubled"])

    def test_torn(self) -> None:
        """
        An event that differs in anything is torn.
        """
        event = self.log.event(1)
        self.server.newest.send(encode(ServerSentEvent(f"{event.data}x", id=event.id)))
        self.send(2, 3)

        self.assertEqual(self.kinds(), ["torn"])

    def test_invented(self) -> None:
        """
        An event without a valid number is invented.
        """
        self.server.newest.send(b"data: never\nid: 0\n\n")
        self.send(1, 2, 3)

        self.assertEqual(self.kinds(), ["invented"])

    def test_untyped(self) -> None:
        """
        A source that ends with an error of this package is no fault.
        """
        self.server.newest.cut()
        self.server.clock.advance(1.0)
        self.server.newest.answer("500 Oops")
        self.server.newest.end()
        self.server.newest.answer()
        self.send(1, 2, 3)

        self.assertEqual(self.kinds(), [])
        self.assertEqual(self.client.counts["ended by 500"], 1)
