"""
Requests that repeat each other are answered as if each was the first.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from tests.support.doors import DoorServed, masked
from tests.transport.http.test_doors_alike import BEARER, BROWSER, CASES, HOST, get
from twisted_sse.transport.http.repeats import Repeats, words_of
from twisted_sse.transport.socketlimit import SocketLimits
from twisted_sse.web.cors import CORS

__all__ = ["AlikeTests", "RememberedTests", "RepeatsTests"]

Change = Callable[[DoorServed], object]


def nothing(served: DoorServed) -> None:
    """
    Change nothing.
    """


class AlikeTests(SynchronousTestCase):
    """
    The same requests to a site that remembers, and to one that does not.
    """

    def outcome(
        self,
        asked: Sequence[Sequence[bytes]],
        repeats: Repeats | None,
        change: Change = nothing,
        **options: Any,
    ) -> list[tuple[bytes, bool]]:
        """
        Ask three times each, call *change*, and ask again; publish an event after each of
        the first three.

        Returns:
            What each connection received, and whether it is open.
        """
        served = DoorServed(self, door=True, repeats=repeats, **options)
        wires = []
        for turn in range(4):
            if turn == 3:
                change(served)
            for parts in asked:
                wires.append(served.ask(*parts))
                served.publish(f"{turn}", "a" if turn < 3 else "b")
                for wire in wires:
                    served.settle(wire)
        outcome = [(masked(wire.received), bool(wire.transport.connected)) for wire in wires]
        for wire in wires:
            wire.close()
        served.clock.turn()
        self.assertEqual(len(served.hub.connections), 0)
        return outcome

    def check(self, *asked: Sequence[bytes], change: Change = nothing, **options: Any) -> None:
        """
        Compare what both sites do.
        """
        without = self.outcome(asked, None, change, **options)
        self.assertEqual(self.outcome(asked, Repeats(), change, **options), without)

    def test_alike(self) -> None:
        """
        Every kind of request is answered alike, however often it is made.
        """
        for title, parts in CASES:
            with self.subTest(title):
                self.check(parts)

    def test_origins(self) -> None:
        """
        So are requests of pages, whatever origins are allowed.
        """
        for origins in (["https://page.example"], ["*"], ["https://other.example"]):
            with self.subTest(origins):
                self.check([get(BROWSER)], cors=CORS(origins))

    def test_last_event_ids(self) -> None:
        """
        Each request is answered by its own last event ID, however that is written.
        """
        names = [b"Last-Event-ID", b"last-event-id", b"LAST-EVENT-ID"]
        values = [
            b"earliest",
            b"12345678-1",
            b"unknown",
            b"Host: x",
            b"\xc3\xa4",
            b" ",
            b"y" * 2000,
        ]
        written = [b"%b: %b\r\n" % (name, value) for name in names for value in values]
        for place in (HOST + b"%b", b"%b" + HOST):
            asked = [[get(place % one)] for one in [*written, b"", written[0] + written[1]]]
            with self.subTest(place):
                self.check(*asked)

    def test_id_in_query(self) -> None:
        """
        The one in the header counts, and otherwise the one in the query.
        """
        target = b"/events?topic=a&lastEventID=earliest"
        self.check([get(HOST, target)], [get(HOST + b"Last-Event-ID: unknown\r\n", target)])

    def test_refused(self) -> None:
        """
        What comes after a limit is reached, a topic has ended, or the hub is closed, is
        refused.
        """
        for title, change, options in (
            ("stopping", lambda served: served.hub.broker.admission.close(), {}),
            ("ended", lambda served: served.hub.end("a"), {}),
            ("connections", nothing, {"hub": {"max_connections": 3}}),
            ("an address", nothing, {"hub": {"max_connections_per_address": 3}}),
            ("sockets", nothing, {"socket_limits": SocketLimits(10, 10, 2)}),
        ):
            with self.subTest(title):
                self.check([get(BROWSER)], change=change, **options)


class RememberedTests(SynchronousTestCase):
    """
    What is remembered.
    """

    def setUp(self) -> None:
        self.repeats = Repeats()
        self.served = DoorServed(self, door=True, repeats=self.repeats)

    def is_known(self, request: bytes, times: int = 3) -> bool:
        """
        Whether *request* is remembered after it was made a few times.
        """
        for _ in range(times):
            self.served.ask(request)
        return self.repeats.find(words_of(request).words) is not None

    def test_second_time(self) -> None:
        """
        What was asked once only is not worth remembering.
        """
        self.assertFalse(self.is_known(get(BROWSER), times=1))
        self.assertTrue(self.is_known(get(BROWSER), times=1))

    def test_not_known(self) -> None:
        """
        Neither is what belongs to one user, nor what is no stream.
        """
        for title, request in (
            ("a token", get(BROWSER + BEARER)),
            ("a cookie", get(BROWSER + b"Cookie: a=b\r\n")),
            ("another page", get(target=b"/healthz")),
            ("refused", get(target=b"/events")),
            ("large", get(BROWSER + b"X: " + b"y" * 2048 + b"\r\n")),
            ("another name", get(BROWSER + b"last-event-id: a\r\n")),
            ("an ID that is no word", get(BROWSER + b"Last-Event-ID: a b\r\n")),
        ):
            with self.subTest(title):
                self.assertFalse(self.is_known(request))

    def test_other_tree(self) -> None:
        """
        What another root would answer is forgotten when it takes the place of the first.
        """
        self.is_known(get(BROWSER))

        self.served.site.replace(Resource())

        self.assertIn(b"404", self.served.ask(get(BROWSER)).received)

    def test_is_used(self) -> None:
        """
        A request that is known needs nothing of the tree.
        """
        self.is_known(get(BROWSER))

        self.served.site.resource = Resource()

        self.assertIn(b"stream-open", self.served.ask(get(BROWSER)).received)

    def test_everybody_left(self) -> None:
        """
        A stream that nobody reads any more begins like the first one.
        """
        self.is_known(get(BROWSER))
        for connection in self.served.hub.connections:
            connection.close()

        self.assertIn(b"stream-open", self.served.ask(get(BROWSER)).received)
        self.assertEqual(len(self.served.hub.connections), 1)


class RepeatsTests(SynchronousTestCase):
    """
    `Repeats`, without a site.
    """

    def test_number(self) -> None:
        """
        The oldest of more than 256 is forgotten.
        """
        repeats = Repeats()
        for number in range(257):
            repeats.remember(b"%d" % number, lambda door, last_event_id: True)

        self.assertIsNone(repeats.find(b"0"))
        self.assertIsNotNone(repeats.find(b"1"))

    def test_once(self) -> None:
        """
        Thousands of requests that differ leave no trace.
        """
        repeats = Repeats()
        first = words_of(b"first")
        self.assertFalse(repeats.is_wanted(first, {}))
        for number in range(5000):
            self.assertFalse(repeats.is_wanted(words_of(b"%d" % number), {}))

        self.assertFalse(repeats.is_wanted(first, {}))

    def test_words(self) -> None:
        """
        The words of a request with an ID are never those of one without.
        """
        with_id = words_of(b"GET / HTTP/1.1\r\nLast-Event-ID: a\r\nHost: x\r\n\r\n")
        without = words_of(b"GET / HTTP/1.1\r\nLast-Event-ID: Host: x\r\n\r\n")

        self.assertEqual(with_id.last_event_id, "a")
        self.assertNotEqual(with_id.words, without.words)
        self.assertFalse(without.words)
