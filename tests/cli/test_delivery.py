"""
Publishing again, and not twice.
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
    An answer that is no success.
    """
    return UnexpectedStatus(f"The answer is {code}.", code)


class _Scripted(Publisher):
    """
    Does what the script says; what it was asked for is in `asked`.
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
            # It takes so long, and then there is no answer.
            self._own_clock.rightNow += step
            raise LOST
        if isinstance(step, Exception):
            raise step
        return bool(step)


class DeliveryTests(SynchronousTestCase):
    """
    One batch of two, to a hub that is not always there.
    """

    def deliver(self, *script: object) -> "Deferred[None]":
        """
        Deliver to a hub that does what *script* says.
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
        Let much time pass.
        """
        self.clock.pump([0.5] * 200)

    def test_at_once(self) -> None:
        """
        What is kept at once is sent once, and nothing is said.
        """
        self.assertIsNone(self.successResultOf(self.deliver(True)))

        self.assertEqual((self.publisher.asked, self.notes), (["publish p-1 p-2 theirs"], []))

    def test_not_there(self) -> None:
        """
        What was not sent, or not taken, is sent again after a while, without a question.
        """
        delivering = self.deliver(NOT_SENT, status(503), status(429), True)
        self.assertNoResult(delivering)

        self.wait()

        self.assertIsNone(self.successResultOf(delivering))
        self.assertEqual(self.publisher.asked, ["publish p-1 p-2 theirs"] * 4)
        self.assertEqual(self.notes, ["It cannot be reached. Trying again for 60 seconds."])

    def test_kept(self) -> None:
        """
        What was not answered, and is known, is not sent again.
        """
        for trouble in (LOST, status(502), status(504), status(500)):
            delivering = self.deliver(trouble, NOT_SENT, status(503), True)
            self.wait()

            self.assertIsNone(self.successResultOf(delivering))
            self.assertEqual(self.publisher.asked, ["publish p-1 p-2 theirs", *["ask p-2"] * 3])

    def test_not_kept(self) -> None:
        """
        What was not answered, and is not known, is sent again.
        """
        delivering = self.deliver(LOST, False, LOST, False, True)
        self.wait()

        self.assertIsNone(self.successResultOf(delivering))
        sent = "publish p-1 p-2 theirs"
        self.assertEqual(self.publisher.asked, [sent, "ask p-2", sent, "ask p-2", sent])

    def test_asks_later(self) -> None:
        """
        The hub gets a second to keep what it was sent, before it is asked.
        """
        self.deliver(LOST, True)
        self.clock.advance(0.99)

        self.assertEqual(len(self.publisher.asked), 1)

    def test_slow_hub(self) -> None:
        """
        A hub that does not answer in time may be at it still: it is asked again, and nothing sent.
        """
        delivering = self.deliver(30.0, False, False, True)
        self.wait()

        self.assertIsNone(self.successResultOf(delivering))
        self.assertEqual(self.publisher.asked[1:], ["ask p-2"] * 3)

    def test_gives_up(self) -> None:
        """
        After a minute it is enough; whether it is known what became of it is told.
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
        What is refused is not tried again.
        """
        self.failureResultOf(self.deliver(status(403)), UnexpectedStatus)

        self.assertEqual(len(self.publisher.asked), 1)

    def test_may_not_ask(self) -> None:
        """
        Where the question is refused, nobody knows.
        """
        delivering = self.deliver(LOST, status(403))
        self.wait()

        self.failureResultOf(delivering, Uncertain)

    def test_too_large(self) -> None:
        """
        What is too large at once is sent in halves, in order.
        """
        delivering = self.deliver(status(413), True, True)

        self.assertIsNone(self.successResultOf(delivering))
        sent = ["publish p-1 p-2 theirs", "publish p-1", "publish p-2 theirs"]
        self.assertEqual(self.publisher.asked, sent)
