"""
`find_faults` finds each kind of fault.
"""

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.checks import Allowed, Attempt, ReceivedLog, find_faults

__all__ = ["FindFaultsTests"]


def attempt(data: str, topic: str = "a") -> Attempt:
    """
    Make an attempt that was acknowledged at once; times follow the alphabet.
    """
    moment = float(ord(data[0]))
    return Attempt(data, (topic,), data, sent=moment, answered=moment + 0.5, id=f"id-{data}")


def unknown(data: str, request: str, place: int = 0) -> Attempt:
    """
    Make an attempt that was sent before all others and never answered.
    """
    return Attempt(data, ("a",), request, place)


def received(*received: str, name: str = "whole", topic: str | None = None) -> ReceivedLog:
    """
    Make the log of a subscriber to all topics, or to *topic* only.
    """

    def wants(topics: Sequence[str]) -> bool:
        return topic is None or topic in topics

    return ReceivedLog(name, wants, [(f"id-{data}", data) for data in received])


def reset(*before: str, then: Sequence[str]) -> ReceivedLog:
    """
    Make the log of a subscriber to all topics that is told of a gap.
    """
    log = received(*before)
    log.reset("history-lost")
    log.entries += [(f"id-{data}", data) for data in then]
    return log


NOTHING = Allowed()


class FindFaultsTests(SynchronousTestCase):
    """
    Five events; some subscribers select all of them, others those of one topic.
    """

    def setUp(self) -> None:
        """
        Publish a, b and c to one topic and x to another, and before them u, without an answer.
        """
        self.attempts = [attempt("a"), attempt("b"), attempt("c"), attempt("x", "other")]
        self.unknown = unknown("u", "u")

    def kinds(self, *logs: ReceivedLog, allowed: Allowed = NOTHING) -> list[str]:
        """
        Return the kinds of the faults that are found.
        """
        attempts = [*self.attempts, self.unknown]
        return [fault.kind for fault in find_faults(attempts, logs, allowed)]

    def test_good(self) -> None:
        """
        If all subscribers received their events once and in order, there is no fault.
        """
        whole, second = received("a", "b", "c", "x"), received("a", "b", "c", "x", name="second")

        kinds = self.kinds(whole, second, received("a", "b", "c", name="some", topic="a"))

        self.assertEqual(kinds, [])

    def test_unknown_received(self) -> None:
        """
        An event that was not acknowledged may be received, at any position after it was sent.
        """
        self.assertEqual(self.kinds(received("u", "a", "b", "c", "x")), [])
        self.assertEqual(self.kinds(received("a", "b", "c", "x", "u")), [])

    def test_unknown_by_some(self) -> None:
        """
        If one subscriber receives such an event, all its subscribers must.
        """
        whole = received("a", "u", "b", "c", "x")

        self.assertEqual(self.kinds(whole, received("a", "b", "c", topic="a")), ["lost"])

    def test_lost(self) -> None:
        """
        An acknowledged event that one subscriber lacks is lost, at any position.
        """
        whole = received("a", "b", "c", "x")

        self.assertEqual(self.kinds(whole, received("b", "c", topic="a")), ["lost"])
        self.assertEqual(self.kinds(whole, received("a", "c", topic="a")), ["lost"])
        self.assertEqual(self.kinds(whole, received("a", "b", topic="a")), ["lost"])
        self.assertEqual(self.kinds(received("a", "b", "c")), ["lost"])

    def test_doubled(self) -> None:
        """
        An event that was received twice is doubled, even if it was not acknowledged.
        """
        self.assertEqual(self.kinds(received("a", "b", "b", "c", "x")), ["doubled"])
        self.assertEqual(self.kinds(received("u", "a", "b", "c", "x", "u")), ["doubled"])

    def test_swapped(self) -> None:
        """
        Different orders at two subscribers are a fault.
        """
        whole = received("a", "b", "c", "x")

        self.assertEqual(self.kinds(whole, received("a", "c", "b", topic="a")), ["out of order"])

    def test_disproved(self) -> None:
        """
        A common order is a fault if it contradicts the times of requests and answers.
        """
        whole, some = received("b", "a", "c", "x"), received("b", "a", "c", name="some", topic="a")

        self.assertEqual(self.kinds(whole, some), ["out of order"])

    def test_overlapping(self) -> None:
        """
        Events that were under way at the same time may come in either order.
        """
        self.attempts[1].sent = self.attempts[0].sent

        self.assertEqual(self.kinds(received("b", "a", "c", "x")), [])
        self.assertEqual(self.kinds(received("a", "b", "c", "x")), [])

    def test_invented(self) -> None:
        """
        An event that was never sent is invented, even if only a letter has changed.
        """
        self.assertEqual(self.kinds(received("a", "b", "c", "x", "x2")), ["invented"])

    def test_unwanted(self) -> None:
        """
        An event of a topic that was not selected is unwanted.
        """
        whole = received("a", "b", "c", "x")

        self.assertEqual(self.kinds(whole, received("a", "b", "c", "x", topic="a")), ["unwanted"])

    def test_reset(self) -> None:
        """
        A `stream-reset` is a fault.
        """
        whole = received("a", "b", "c", "x")
        whole.reset('{"reason":"unknown-id"}')

        self.assertEqual(self.kinds(whole), ["reset"])

    def test_reset_allowed(self) -> None:
        """
        Where a subscriber may be told of a gap, it may lack what was not acknowledged, and get
        what is kept again; but only a store that may lose something excuses the rest.
        """
        resets, losses = Allowed(resets=True), Allowed(resets=True, losses=True)
        others = received("a", "b", "u", "c", "x", name="others")
        again = reset("a", "b", then=["a", "b", "c", "x"])
        less = reset("a", then=["c", "x"])

        self.assertEqual(self.kinds(others, again, allowed=resets), [])
        self.assertEqual(self.kinds(others, less, allowed=resets), ["lost"])
        self.assertEqual(self.kinds(others, less, allowed=losses), [])

    def test_untold(self) -> None:
        """
        A loss of which a subscriber is not told is a fault everywhere, and so are doubled and
        reordered events, before a reset and after it.
        """
        losses = Allowed(resets=True, losses=True)
        whole = received("a", "b", "c", "x")
        for log, kind in (
            (received("a", "c", "x"), "lost"),
            (reset("a", "a", then=["c", "x"]), "doubled"),
            (reset("a", then=["b", "b", "c", "x"]), "doubled"),
            (reset("b", "a", then=["c", "x"]), "out of order"),
            (reset("a", then=["c", "b", "x"]), "out of order"),
        ):
            self.assertEqual(self.kinds(whole, log, allowed=losses), [kind])

    def test_torn(self) -> None:
        """
        The events of a request are received all and in order, or none.
        """
        self.attempts[1:3] = [unknown("b", "batch", 0), unknown("c", "batch", 1)]

        self.assertEqual(self.kinds(received("a", "b", "c", "x")), [])
        self.assertEqual(self.kinds(received("a", "x")), [])
        self.assertEqual(self.kinds(received("a", "b", "x")), ["torn"])
        self.assertEqual(self.kinds(received("a", "c", "b", "x")), ["torn"])

    def test_kept_again(self) -> None:
        """
        After a loss, an event that was not acknowledged may come again, with another ID and at
        another place; without one it may not.
        """
        losses = Allowed(resets=True, losses=True)
        self.attempts[2].sent = self.attempts[1].sent
        moved = reset("a", "c", "b", then=("a", "b", "x", "c"))
        moved.entries[1] = ("id-lost", "c")

        self.assertEqual(self.kinds(moved, allowed=losses), [])
        self.assertEqual(
            self.kinds(moved, allowed=Allowed(resets=True)), ["misnamed", "out of order"]
        )

    def test_moved(self) -> None:
        """
        An event whose ID has not changed stays at its place, unless its publisher chose the ID.
        """
        losses = Allowed(resets=True, losses=True)
        self.attempts[2].sent = self.attempts[1].sent
        moved = reset("a", "c", "b", then=("a", "b", "c"))
        self.assertEqual(self.kinds(moved, allowed=losses), ["out of order"])

        self.attempts[2].given = "id-c"

        self.assertEqual(self.kinds(moved, allowed=losses), [])

    def test_reused_id(self) -> None:
        """
        Two events with one ID are a fault.
        """
        self.attempts[1].id = "id-a"
        whole = received("a", "b", "c", "x")
        whole.entries[1] = ("id-a", "b")

        self.assertEqual(self.kinds(whole), ["misnamed"])

    def test_other_id(self) -> None:
        """
        An event whose ID differs from its receipt, or from the publisher's ID, is a fault.
        """
        whole = received("a", "b", "c", "x")
        whole.entries[1] = ("id-other", "b")
        self.attempts[2].given = "mine"

        self.assertEqual(self.kinds(whole), ["misnamed", "misnamed"])
