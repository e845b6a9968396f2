"""
Publications that are repeated, and whether a publication was kept.
"""

from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.http import Answer, H2Caller, Served
from twisted_sse import CORS, Grant
from twisted_sse.errors import PerhapsKept
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.events.replication import encode_publication
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryProvider

__all__ = ["KeptTests", "KeyTests", "OwnIDTests", "UnknownTests"]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
NDJSON = "application/x-ndjson"
HUB = "text/event-stream"

# A request of each kind, without IDs of the publisher's own.
BODIES = [
    (FORM, b"topic=a&data=x"),
    (JSON, b'{"topic": "a", "data": "x"}'),
    (JSON, b'[{"topic": "a", "data": "x"}, {"topic": "a", "data": "y"}]'),
    (NDJSON, b'{"topic": "a", "data": "x"}\n'),
]


def by_name(request: Request) -> Grant:
    """
    Name the user by a header.
    """
    return Grant(request.getHeader("X-User"), publish=["*"], public=True)


class LostHistory(MemoryHistory):
    """
    Keeps, and then loses its answer.

    Attributes:
        lost: How often it still does so.

        keeps: Whether it keeps then.
    """

    def __init__(self, keeps: bool = True) -> None:
        super().__init__(clock=Clock())
        self.lost = 1
        self.keeps = keeps

    def append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        See `IHistoryProvider.append`.
        """
        if not self.lost:
            return super().append(publications)
        self.lost -= 1
        if self.keeps:
            super().append(publications)
        raise PerhapsKept("The answer was lost.")


class PublishTestCase(SynchronousTestCase):
    """
    Publishes to a hub that everybody may publish to.
    """

    def serve(self, history: IHistoryProvider | None = None) -> None:
        """
        Serve a hub.
        """
        self.served = Served(history, authorize=by_name)

    def setUp(self) -> None:
        """
        Serve a hub that keeps in memory.
        """
        self.serve()

    def publish(self, kind: str, body: bytes, **headers: str) -> Answer:
        """
        Publish.
        """
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.served.call("POST", "/events", {"Content-Type": kind, **headers}, body)
        return answer.answer

    def data(self) -> list[str | None]:
        """
        The data of all public events.
        """
        return [event.data for event in self.served.kept()]


class KeyTests(PublishTestCase):
    """
    ``Idempotency-Key``.
    """

    def test_repeat(self) -> None:
        """
        A repeat is answered as before, and published once.
        """
        for kind, body in BODIES:
            with self.subTest(kind=kind, body=body):
                self.serve()
                reader = self.served.call("GET", "/events?topic=a")
                answers = [self.publish(kind, body, Idempotency_Key="k1") for _ in range(3)]

                self.assertEqual([answer.status for answer in answers], [200] * 3)
                self.assertEqual(len({answer.body for answer in answers}), 1)
                self.assertEqual(len({answer.header("Content-Type") for answer in answers}), 1)
                self.assertEqual([event.data for event in reader.answer.events[1:]], self.data())
                self.assertEqual(len(self.data()), body.count(b"data"))

    def test_both_paths(self) -> None:
        """
        It is one memory for both URLs of a hub, and for HTTP/2.
        """
        first = self.publish(*BODIES[0], Idempotency_Key="k1")
        headers = {"Content-Type": FORM, "Idempotency-Key": "k1"}
        second = self.served.call("POST", "/.well-known/mercure", headers, BODIES[0][1]).answer
        caller = H2Caller(self.served.site, self.served.clock)
        pairs = [(name.lower(), value) for name, value in headers.items()]
        third = caller.answer(caller.ask("POST", "/events", pairs, BODIES[0][1]))

        self.assertEqual({first.body, second.body, third.body}, {first.body})
        self.assertEqual(self.data(), ["x"])

    def test_meanwhile(self) -> None:
        """
        A repeat that comes before the answer waits for it.
        """
        history = SlowHistory(MemoryHistory())
        self.serve(history)
        headers = {"Content-Type": FORM, "Idempotency-Key": "k1"}
        callers = [self.served.call("POST", "/events", headers, BODIES[0][1]) for _ in range(3)]
        callers[0].leave()
        history.answer_next()
        self.served.clock.advance(0)

        self.assertEqual(history.waiting, [])
        self.assertEqual(callers[1].answer.body, callers[2].answer.body)

    def test_no_key(self) -> None:
        """
        Without a key everything is published.
        """
        for kind, body in BODIES[:2]:
            self.publish(kind, body)
            self.publish(kind, body)

        self.assertEqual(self.data(), ["x"] * 4)

    def test_other_key(self) -> None:
        """
        Another key is another publication, and so is the key of another user.
        """
        self.publish(*BODIES[0], Idempotency_Key="k1")
        self.publish(*BODIES[0], Idempotency_Key="k2")
        self.publish(*BODIES[0], Idempotency_Key="k1", X_User="ada")
        self.publish(*BODIES[0], Idempotency_Key="k1", Authorization="Bearer other")

        self.assertEqual(self.data(), ["x"] * 4)

    def test_other_body(self) -> None:
        """
        The same key with another body is refused, and the first stays valid.
        """
        first = self.publish(*BODIES[0], Idempotency_Key="k1")
        for kind, body in ((FORM, b"topic=a&data=y"), (JSON, BODIES[0][1]), *BODIES[1:]):
            with self.subTest(kind=kind, body=body):
                answer = self.publish(kind, body, Idempotency_Key="k1")

                self.assertIn(answer.status, (400, 422))
        answer = self.publish(FORM, b"topic=a&data=y", Idempotency_Key="k1")
        again = self.publish(*BODIES[0], Idempotency_Key="k1")

        self.assertEqual((answer.status, answer.json["kept"]), (422, "no"))
        self.assertIn("choose a new key", answer.detail)
        self.assertEqual(again.body, first.body)
        self.assertEqual(self.data(), ["x"])

    def test_bad_key(self) -> None:
        """
        An invalid key is refused.
        """
        for key in ("", "x" * 256, "ü"):
            with self.subTest(key=key):
                answer = self.publish(*BODIES[0], Idempotency_Key=key)

                self.assertEqual(answer.status, 400)
                self.assertIn("Idempotency-Key", answer.detail)
        pairs = [("Content-Type", FORM), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
        self.assertEqual(
            self.served.call("POST", "/events", pairs, BODIES[0][1]).answer.status, 400
        )
        self.assertEqual(self.publish(*BODIES[0], Idempotency_Key="x" * 255).status, 200)

    def test_refused(self) -> None:
        """
        A request that was refused is not remembered.
        """
        first = self.publish(FORM, b"topic=a&retry=soon", Idempotency_Key="k1")
        second = self.publish(FORM, b"topic=a&data=x", Idempotency_Key="k1")

        self.assertEqual((first.status, second.status), (400, 200))

    def test_not_kept(self) -> None:
        """
        If the first request was not kept, the repeat is published.
        """
        history = AbsentHistory()
        self.serve(history)
        first = self.publish(*BODIES[0], Idempotency_Key="k1")
        history.away = False
        second = self.publish(*BODIES[0], Idempotency_Key="k1")

        self.assertEqual((first.status, first.json["kept"]), (503, "no"))
        self.assertEqual(second.status, 200)
        self.assertEqual(self.data(), ["x"])

    def test_grant_comes_first(self) -> None:
        """
        Nobody who may not publish is answered from memory.
        """
        grants = [Grant("ada", publish=["a"])]
        self.served = Served(authorize=lambda request: grants[-1])
        first = self.publish(*BODIES[0], Idempotency_Key="k1")
        grants.append(Grant("ada", publish=["b"]))
        second = self.publish(*BODIES[0], Idempotency_Key="k1")

        self.assertEqual((first.status, second.status), (200, 403))


class OwnIDTests(PublishTestCase):
    """
    An event ID of the publisher's own.
    """

    def test_repeat(self) -> None:
        """
        The same body is answered as before, and published once.
        """
        for kind, body in (
            (FORM, b"topic=a&data=x&id=mine"),
            (JSON, b'{"topic": "a", "data": "x", "id": "mine"}'),
            (JSON, b'[{"topic": "a", "id": "1"}, {"topic": "a", "id": "2"}]'),
            (NDJSON, b'{"topic": "a", "id": "1"}\n{"topic": "a", "id": "2"}\n'),
        ):
            with self.subTest(kind=kind):
                self.serve()
                answers = [self.publish(kind, body) for _ in range(3)]

                self.assertEqual({answer.body for answer in answers}, {answers[0].body})
                self.assertEqual(len(self.data()), body.count(b"id"))

    def test_other_body(self) -> None:
        """
        Another body with the same ID is another publication.
        """
        self.publish(FORM, b"topic=a&data=x&id=mine")
        self.publish(FORM, b"topic=a&data=y&id=mine")

        self.assertEqual(self.data(), ["x", "y"])

    def test_some(self) -> None:
        """
        A batch of which one event has no ID is published again.
        """
        body = b'[{"topic": "a", "id": "1"}, {"topic": "a"}]'
        first, second = self.publish(JSON, body), self.publish(JSON, body)

        self.assertNotEqual(first.body, second.body)
        self.assertEqual(len(self.data()), 4)

    def test_edge(self) -> None:
        """
        A repeated request of an edge is answered as before.
        """
        self.served = Served(authorize=lambda request: Grant(publish=["*"], subscribe=["*"]))
        event = ServerSentEvent("x", id="mine")
        body = encode_publication(Publication(("a",), event))
        first, second = self.publish(HUB, body), self.publish(HUB, body)

        self.assertEqual((first.status, first.json[0]["id"]), (200, "mine"))
        self.assertEqual(first.body, second.body)


class UnknownTests(PublishTestCase):
    """
    A history that does not say whether it has kept.
    """

    def test_answer(self) -> None:
        """
        The answer says so, to programs too.
        """
        self.serve(LostHistory())
        answer = self.publish(*BODIES[0])

        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.json["kept"], "unknown")
        self.assertEqual(answer.header("Publication-Kept"), "unknown")
        self.assertEqual(answer.header("Retry-After"), "5")

    def test_kept(self) -> None:
        """
        A repeat with the same ID finds what was kept, and publishes nothing.
        """
        for kind, body, told in (
            (FORM, b"topic=a&data=x&id=mine", b"mine"),
            (JSON, b'{"topic": "a", "id": "mine"}', b'{"id": "mine", "subscribers": 0}'),
        ):
            with self.subTest(kind=kind):
                history = LostHistory()
                self.serve(history)
                first, second = self.publish(kind, body), self.publish(kind, body)

                self.assertEqual((first.status, second.status), (503, 200))
                self.assertEqual(second.body, told)
                self.assertEqual(len(history.tail(10).kept), 1)

    def test_not_kept(self) -> None:
        """
        A repeat publishes what was not kept.
        """
        self.serve(LostHistory(keeps=False))
        first, second = (self.publish(FORM, b"topic=a&data=x&id=mine") for _ in range(2))

        self.assertEqual((first.status, second.status, second.body), (503, 200, b"mine"))
        self.assertEqual(self.data(), ["x"])

    def test_bug(self) -> None:
        """
        A provider that fails in an unexpected way may have kept it.
        """

        class Broken(MemoryHistory):
            def append(self, publications: object) -> list[Record]:
                raise KeyError("a bug")

        self.serve(Broken(clock=Clock()))
        answer = self.publish(*BODIES[0])
        self.flushLoggedErrors(KeyError)

        self.assertEqual((answer.status, answer.json["kept"]), (503, "unknown"))


class KeptTests(PublishTestCase):
    """
    Every other error of a publisher says that nothing was kept.
    """

    def assert_not_kept(self, answer: Answer, status: int) -> None:
        """
        Check the member and the header.
        """
        self.assertEqual(answer.status, status)
        self.assertEqual(answer.json["kept"], "no")
        self.assertEqual(answer.header("Publication-Kept"), "no")

    def test_refused(self) -> None:
        """
        A refusal keeps nothing.
        """
        self.assert_not_kept(self.publish(FORM, b"data=x"), 400)
        self.assert_not_kept(self.publish("text/plain", b"data=x"), 415)
        self.assert_not_kept(Served().post(*BODIES[0]), 401)

    def test_unavailable(self) -> None:
        """
        A history that says that it is not available has kept nothing.
        """
        self.serve(AbsentHistory())

        self.assert_not_kept(self.publish(*BODIES[0]), 503)

    def test_stopping(self) -> None:
        """
        A hub that stops keeps nothing more.
        """
        self.served.hub.broker.stop_accepting()

        self.assert_not_kept(self.publish(*BODIES[0]), 503)

    def test_bug(self) -> None:
        """
        If the application's authorize fails, nothing is kept.
        """

        def authorize(request: Request) -> Grant:
            raise KeyError("a bug")

        answer = Served(authorize=authorize).post(*BODIES[0])
        self.flushLoggedErrors(KeyError)

        self.assert_not_kept(answer, 500)

    def test_subscribers(self) -> None:
        """
        Subscribers have nothing to keep.
        """
        answer = self.served.get("/events")

        self.assertEqual(answer.status, 400)
        self.assertNotIn("kept", answer.json)
        self.assertIsNone(answer.header("Publication-Kept"))

    def test_cors(self) -> None:
        """
        Pages may read the header, and send a key.
        """
        served = Served(authorize=by_name, cors=CORS(["https://app.example"]))
        origin = {"Origin": "https://app.example"}
        preflight = served.call("OPTIONS", "/events", origin).answer
        answer = served.get("/events", origin)

        self.assertIn("Idempotency-Key", preflight.header("Access-Control-Allow-Headers") or "")
        self.assertIn("Publication-Kept", answer.header("Access-Control-Expose-Headers") or "")
