"""
The checker finds what it is there to find.
"""

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.checks import Attempt, ReceivedLog, find_faults

__all__ = ["FindFaultsTests"]


def attempt(data: str, topic: str = "a") -> Attempt:
    """
    One that was acknowledged at once, in the order of the alphabet.
    """
    moment = float(ord(data[0]))
    return Attempt(data, (topic,), data, sent=moment, answered=moment + 0.5, id=f"id-{data}")


def unknown(data: str, request: str, place: int = 0) -> Attempt:
    """
    One that was sent before everything, and never answered.
    """
    return Attempt(data, ("a",), request, place)


def received(*received: str, name: str = "whole", topic: str | None = None) -> ReceivedLog:
    """
    Of a client that wants everything, or *topic* alone.
    """

    def wants(topics: Sequence[str]) -> bool:
        return topic is None or topic in topics

    return ReceivedLog(name, wants, [(f"id-{data}", data) for data in received])


class FindFaultsTests(SynchronousTestCase):
    """
    Five events, of which some clients want all and some those of one topic.
    """

    def setUp(self) -> None:
        """
        Publish a, b and c to one topic, x to another; and before them u, without an answer.
        """
        self.attempts = [attempt("a"), attempt("b"), attempt("c"), attempt("x", "other")]
        self.unknown = unknown("u", "u")

    def kinds(self, *logs: ReceivedLog) -> list[str]:
        """
        The faults that are found, by kind.
        """
        return [fault.kind for fault in find_faults([*self.attempts, self.unknown], logs)]

    def test_good(self) -> None:
        """
        Where everybody got what they want once and in order, there is no fault.
        """
        whole, second = received("a", "b", "c", "x"), received("a", "b", "c", "x", name="second")

        kinds = self.kinds(whole, second, received("a", "b", "c", name="some", topic="a"))

        self.assertEqual(kinds, [])

    def test_unknown_received(self) -> None:
        """
        What was not acknowledged may be received, at any place after it was sent.
        """
        self.assertEqual(self.kinds(received("u", "a", "b", "c", "x")), [])
        self.assertEqual(self.kinds(received("a", "b", "c", "x", "u")), [])

    def test_unknown_by_some(self) -> None:
        """
        But then by everybody who wants it.
        """
        whole = received("a", "u", "b", "c", "x")

        self.assertEqual(self.kinds(whole, received("a", "b", "c", topic="a")), ["lost"])

    def test_lost(self) -> None:
        """
        An acknowledged event that one client lacks is lost, wherever it is missing.
        """
        whole = received("a", "b", "c", "x")

        self.assertEqual(self.kinds(whole, received("b", "c", topic="a")), ["lost"])
        self.assertEqual(self.kinds(whole, received("a", "c", topic="a")), ["lost"])
        self.assertEqual(self.kinds(whole, received("a", "b", topic="a")), ["lost"])
        self.assertEqual(self.kinds(received("a", "b", "c")), ["lost"])

    def test_doubled(self) -> None:
        """
        An event that came twice is doubled, also if nobody has acknowledged it.
        """
        self.assertEqual(self.kinds(received("a", "b", "b", "c", "x")), ["doubled"])
        self.assertEqual(self.kinds(received("u", "a", "b", "c", "x", "u")), ["doubled"])

    def test_swapped(self) -> None:
        """
        Two clients that saw different orders are out of order.
        """
        whole = received("a", "b", "c", "x")

        self.assertEqual(self.kinds(whole, received("a", "c", "b", topic="a")), ["out of order"])

    def test_disproved(self) -> None:
        """
        So is an order that all share, if an answer came before the other was sent.
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
        What nobody has sent is invented, also if only a letter of it has changed.
        """
        self.assertEqual(self.kinds(received("a", "b", "c", "x", "x2")), ["invented"])

    def test_unwanted(self) -> None:
        """
        An event of another topic is none of a client's business.
        """
        whole = received("a", "b", "c", "x")

        self.assertEqual(self.kinds(whole, received("a", "b", "c", "x", topic="a")), ["unwanted"])

    def test_reset(self) -> None:
        """
        Nobody may be told of a gap.
        """
        whole = received("a", "b", "c", "x")
        whole.resets.append('{"reason":"unknown-id"}')

        self.assertEqual(self.kinds(whole), ["reset"])

    def test_torn(self) -> None:
        """
        A request is kept whole and in its order, or not at all.
        """
        self.attempts[1:3] = [unknown("b", "batch", 0), unknown("c", "batch", 1)]

        self.assertEqual(self.kinds(received("a", "b", "c", "x")), [])
        self.assertEqual(self.kinds(received("a", "x")), [])
        self.assertEqual(self.kinds(received("a", "b", "x")), ["torn"])
        self.assertEqual(self.kinds(received("a", "c", "b", "x")), ["torn"])

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
        So is an event that has another ID than its receipt says, or than was given to it.
        """
        whole = received("a", "b", "c", "x")
        whole.entries[1] = ("id-other", "b")
        self.attempts[2].given = "mine"

        self.assertEqual(self.kinds(whole), ["misnamed", "misnamed"])
