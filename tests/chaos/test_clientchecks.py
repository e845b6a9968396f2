"""
The checks of `tests.chaos client` find each kind of fault.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.answers import Answer, End
from tests.chaos.behaviors import Behavior, Source
from tests.chaos.clientchecks import find_client_faults
from tests.chaos.numbered import NumberedEvents
from tests.chaos.requestchecks import LATEST, ClientRequest, RequestChecker
from twisted_sse.client import Backoff

__all__ = ["FindClientFaultsTests", "RequestCheckerTests"]

_FIRST = Source(1, "first")


class RequestCheckerTests(SynchronousTestCase):
    """
    A client that waits for one second after the first loss, and for two after the next.
    """

    def setUp(self) -> None:
        """
        Answer its first request with three events, and cut the stream.
        """
        self.behavior = Behavior("signals", Backoff(first=1.0, factor=2.0, limit=2.0, jitter=0.0))
        self.checker = RequestChecker("client 0", self.behavior, NumberedEvents(1, 0, False))
        self.now = 0.0
        self.ask(_FIRST, "")
        self.answer("stream cut", opened=True, last=3, highest=3)

    def ask(
        self, source: Source, last_event_id: str, after: float = 0.0, redirected: bool = False
    ) -> int:
        """
        Make a request.
        """
        self.now += after
        self.request = ClientRequest(self.now, source, last_event_id, redirected)
        self.last = self.checker.add_request(self.request)
        return self.last

    def answer(self, name: str, silence: float = float("inf"), **more: Any) -> None:
        """
        Answer the request.
        """
        answer = Answer(name, b"", more.pop("end", End.CUT), **more)
        self.checker.add_end(self.request, self.last, answer, 0.0, self.now, silence)

    def kinds(self) -> list[str]:
        """
        Return the kinds of the faults that were found.
        """
        return [fault.kind for fault in self.checker.faults]

    def test_good(self) -> None:
        """
        A correct client has no faults.
        """
        self.assertEqual(self.ask(_FIRST, "3 é", after=1.0), 3)
        self.answer("redirect", redirects=True)
        self.ask(_FIRST, "3 é", redirected=True)
        self.answer("later", retry_after=5.0)
        self.ask(_FIRST, "3 é", after=5.0)
        self.answer("204", fatal=frozenset({"over"}))
        self.ask(Source(2, "over"), "3 é")

        self.assertEqual(self.kinds(), [])

    def test_id(self) -> None:
        """
        A request must ask for the events after the last one that has arrived.
        """
        for last_event_id, kind in [
            *(("2", "behind"), ("", "behind"), ("4", "strange ID")),
            *(("3", "strange ID"), ("x", "strange ID")),
        ]:
            self.setUp()

            self.ask(_FIRST, last_event_id, after=1.0)
            self.assertEqual(self.kinds(), [kind], last_event_id)

    def test_ahead(self) -> None:
        """
        An incomplete event has not arrived.
        """
        self.ask(_FIRST, "3 é", after=1.0)
        self.answer("stream cut", opened=True, last=4, highest=6)

        self.ask(_FIRST, "5", after=2.0)
        self.assertEqual(self.kinds(), ["ahead"])

    def test_reset(self) -> None:
        """
        Any part of a stream may have arrived before a reset.
        """
        self.ask(_FIRST, "3 é", after=1.0)
        self.answer("stream reset", opened=True, last=6, highest=6, end=End.RESET)

        self.ask(_FIRST, "5", after=2.0)
        self.assertEqual(self.kinds(), [])

    def test_too_soon(self) -> None:
        """
        The client must wait as long as its policy or the server says, whichever is longer.
        """
        self.ask(_FIRST, "3 é", after=0.9)
        self.answer("later", retry_after=5.0)
        self.ask(_FIRST, "3 é", after=4.9)
        self.answer("stream cut", opened=True, last=3, highest=3, retries=(7000,))
        self.ask(_FIRST, "3 é", after=6.9)

        self.assertEqual(self.kinds(), ["too soon"] * 3)

    def test_too_late(self) -> None:
        """
        The client must reconnect within a bound after that.
        """
        self.ask(_FIRST, "3 é", after=2.0 + LATEST + 0.1)

        self.assertEqual(self.kinds(), ["too late"])

    def test_went_on(self) -> None:
        """
        A source must end after an answer that ends it.
        """
        self.ask(_FIRST, "3 é", after=1.0)
        self.answer("204", fatal=frozenset({"over"}))

        self.ask(_FIRST, "3 é", after=2.0)
        self.assertEqual(self.kinds(), ["went on"])

    def test_gave_up(self) -> None:
        """
        A source must not end without such an answer.
        """
        self.ask(Source(2, "503"), "3 é", after=1.0)

        self.assertEqual(self.kinds(), ["gave up"])

    def test_went_astray(self) -> None:
        """
        A redirect must be followed, unless connections were refused meanwhile.
        """
        self.ask(_FIRST, "3 é", after=1.0)
        self.answer("redirect", redirects=True)
        self.ask(_FIRST, "3 é", after=2.0)
        self.assertEqual(self.kinds(), ["wrong target"])

        self.answer("redirect", redirects=True)
        self.checker.refused_connections(self.now + 1.0)
        self.ask(_FIRST, "3 é", after=2.0)
        self.assertEqual(self.kinds(), ["wrong target"])


class FindClientFaultsTests(SynchronousTestCase):
    """
    The results of the clients' process.
    """

    def kinds(self, **found: Any) -> list[str]:
        """
        Return the kinds of faults in results that are otherwise correct, with one event
        that was too large.
        """
        checker = RequestChecker("client 0", Behavior("events"), NumberedEvents(1, 0, False))
        checker.counts["stream endless"] = 1
        well = {
            "faults": [],
            "lines": [],
            "left": [{}, {}],
            "grown": {},
            "objects": [50_000, 51_000, 51_100],
            "resident": [50_000_000, 51_000_000, 52_000_000],
        }
        return [fault.kind for fault in find_client_faults({**well, **found}, [checker])]

    def test_good(self) -> None:
        """
        One line for each event that was too large is allowed, because it is documented.
        """
        self.assertEqual(self.kinds(), [])
        self.assertEqual(self.kinds(lines=["http://x: An event is larger than 1 bytes."]), [])

    def test_log(self) -> None:
        """
        Other lines are not allowed, nor are more lines than such events.
        """
        line = "http://x: An event is larger than 1 bytes."

        self.assertEqual(self.kinds(lines=["Oops"]), ["logged"])
        self.assertEqual(self.kinds(lines=[f"{line}\nTraceback"]), ["logged"])
        self.assertEqual(self.kinds(lines=[line, line]), ["logged"])

    def test_left(self) -> None:
        """
        No resource may be left when all clients have ended.
        """
        self.assertEqual(self.kinds(left=[{"files": 1}, {"calls": 1}]), ["left", "left"])

    def test_grown(self) -> None:
        """
        Objects and memory may not grow between the two counts.
        """
        self.assertEqual(self.kinds(grown={"coroutine": 1}), ["grown"])
        self.assertEqual(self.kinds(objects=[1, 1, 1502]), ["grown"])
        self.assertEqual(self.kinds(resident=[1, 1, 9_000_000]), ["grown"])
