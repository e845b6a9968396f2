"""
Publishing with retries, and never twice.
"""

from collections.abc import Iterable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.delivery import Delivery, GaveUp, Uncertain
from twisted_sse.client import Publisher
from twisted_sse.errors import NotSent, OutcomeUnknown, UnexpectedStatus
from twisted_sse.events.publication import Publication, Receipt

__all__ = ["DeliveryTests"]

NOT_SENT = NotSent("It cannot be reached.")
LOST = OutcomeUnknown("The connection was lost.")


def status(code: int) -> UnexpectedStatus:
    """
    An error status.
    """
    return UnexpectedStatus(f"The answer is {code}.", code)


class _Scripted(Publisher):
    """
    A publisher that follows a script, and records its calls in `asked`.
    """

    def __init__(self, clock: Clock, script: Iterable[object]) -> None:
        super().__init__("http://hub.example/events", reactor=clock)
        self._own_clock = clock
        self._script = list(script)
        self.asked: list[str] = []

    async def publish(self, publications: Sequence[Publication]) -> list[Receipt]:
        """
        See `Publisher.publish`.
        """
        self.asked.append("publish " + " ".join(one.event.id or "" for one in publications))
        self._next()
        return []

    async def was_kept(self, publication_id: str, topics: Iterable[str]) -> bool:
        """
        See `Publisher.was_kept`.
        """
        self.asked.append(f"ask {publication_id}")
        return self._next()

    def _next(self) -> bool:
        step = self._script.pop(0)
        if isinstance(step, float):
            # The request times out after this time.
            self._own_clock.rightNow += step
            raise LOST
        if isinstance(step, Exception):
            raise step
        return bool(step)


class DeliveryTests(SynchronousTestCase):
    """
    Delivering a batch to a hub that is not always available.
    """

    def deliver(self, *script: object) -> "Deferred[None]":
        """
        Deliver to a hub that follows *script*.
        """
        self.clock = Clock()
        self.notes: list[str] = []
        self.publisher = _Scripted(self.clock, script)
        delivery = Delivery(
            *(self.publisher, self.clock, self.notes.append),
            prefix="p-",
            give_up=60.0,
            timeout=30.0,
        )
        batch = [Publication.of("a", "x", id=event_id) for event_id in ("p-1", "p-2", "theirs")]
        return Deferred.fromCoroutine(delivery.deliver(batch))

    def wait(self) -> None:
        """
        Advance the clock far.
        """
        self.clock.pump([0.5] * 200)

    def test_at_once(self) -> None:
        """
        A batch that is kept at once is sent once, without a message.
        """
        self.assertIsNone(self.successResultOf(self.deliver(True)))

        self.assertEqual((self.publisher.asked, self.notes), (["publish p-1 p-2 theirs"], []))

    def test_not_there(self) -> None:
        """
        A batch that was not sent, or that a busy hub refused, is sent again without a question.
        """
        delivering = self.deliver(NOT_SENT, status(503), status(429), True)
        self.assertNoResult(delivering)

        self.wait()

        self.assertIsNone(self.successResultOf(delivering))
        self.assertEqual(self.publisher.asked, ["publish p-1 p-2 theirs"] * 4)
        self.assertEqual(self.notes, ["It cannot be reached. Trying again for 60 seconds."])

    def test_kept(self) -> None:
        """
        A batch without an answer is not sent again if the hub knows its ID.
        """
        for trouble in (LOST, status(502), status(504), status(500)):
            delivering = self.deliver(trouble, NOT_SENT, status(503), True)
            self.wait()

            self.assertIsNone(self.successResultOf(delivering))
            self.assertEqual(self.publisher.asked, ["publish p-1 p-2 theirs", *["ask p-2"] * 3])

    def test_not_kept(self) -> None:
        """
        A batch without an answer is sent again if the hub does not know its ID.
        """
        delivering = self.deliver(LOST, False, LOST, False, True)
        self.wait()

        self.assertIsNone(self.successResultOf(delivering))
        sent = "publish p-1 p-2 theirs"
        self.assertEqual(self.publisher.asked, [sent, "ask p-2", sent, "ask p-2", sent])

    def test_asks_later(self) -> None:
        """
        The hub has a second to keep the batch before it is asked.
        """
        self.deliver(LOST, True)
        self.clock.advance(0.99)

        self.assertEqual(len(self.publisher.asked), 1)

    def test_slow_hub(self) -> None:
        """
        After a timeout the hub may still be keeping the batch: it is asked again, nothing is sent.
        """
        delivering = self.deliver(30.0, False, False, True)
        self.wait()

        self.assertIsNone(self.successResultOf(delivering))
        self.assertEqual(self.publisher.asked[1:], ["ask p-2"] * 3)

    def test_gives_up(self) -> None:
        """
        After a minute delivery fails, and tells whether the outcome is known.
        """
        cases: list[tuple[list[object], type[Exception]]] = [
            ([NOT_SENT] * 50, GaveUp),
            ([LOST, *[NOT_SENT] * 50], Uncertain),
            ([30.0, *[False] * 50], Uncertain),
        ]
        for script, kind in cases:
            delivering = self.deliver(*script)
            self.wait()

            self.failureResultOf(delivering, kind)

    def test_refused(self) -> None:
        """
        A refusal is not retried.
        """
        self.failureResultOf(self.deliver(status(403)), UnexpectedStatus)

        self.assertEqual(len(self.publisher.asked), 1)

    def test_may_not_ask(self) -> None:
        """
        If the hub refuses the question, the outcome is uncertain.
        """
        delivering = self.deliver(LOST, status(403))
        self.wait()

        self.failureResultOf(delivering, Uncertain)

    def test_too_large(self) -> None:
        """
        A batch that is too large is sent in halves, in order.
        """
        delivering = self.deliver(status(413), True, True)

        self.assertIsNone(self.successResultOf(delivering))
        sent = ["publish p-1 p-2 theirs", "publish p-1", "publish p-2 theirs"]
        self.assertEqual(self.publisher.asked, sent)
