"""
Publishing over HTTP: requests, answers, and what subscribers then see.
"""

import json
from functools import partial

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.http import Caller, H2Caller, Served
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history import MemoryHistory
from twisted_sse.web.auth import BearerTokens

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
NDJSON = "application/x-ndjson"

EVERYTHING = Grant("ada", publish=["*"], public=True)


class BrokenHistory(MemoryHistory):
    """
    Has a bug where it should keep.
    """

    def append(self, publications: object) -> list[Record]:
        """
        See `IHistoryProvider.append`.
        """
        raise KeyError("a bug")


def open_to_all(history: MemoryHistory | AbsentHistory | SlowHistory | None = None) -> Served:
    """
    A hub that everybody may publish to.
    """
    return Served(history, authorize=lambda request: EVERYTHING)


class AnswerTests(SynchronousTestCase):
    """
    What a publisher gets.
    """

    def test_form(self) -> None:
        """
        A form is answered with the event's ID, as text.
        """
        served = open_to_all()
        answer = served.post(FORM, b"topic=news&data=hello")

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("Content-Type"), "text/plain; charset=utf-8")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual(answer.header("Content-Length"), str(len(answer.body)))
        self.assertEqual(answer.body.decode(), served.hub.broker.position.id)

    def test_own_id(self) -> None:
        """
        Who brings an ID gets that one back, in UTF-8.
        """
        answer = open_to_all().post(FORM, "topic=news&data=&id=grüße/7;8".encode())

        self.assertEqual(answer.body.decode(), "grüße/7;8")

    def test_object(self) -> None:
        """
        An object is answered with one receipt.
        """
        served = open_to_all()
        served.call("GET", "/events?topic=news")
        served.call("GET", "/events?topic=other")
        answer = served.post(JSON, b'{"topic": "news", "data": "hello"}')

        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.json, {"id": served.hub.broker.position.id, "subscribers": 1})

    def test_array(self) -> None:
        """
        An array is answered with receipts, in its order.
        """
        served = open_to_all()
        answer = served.post(JSON, b'[{"topic": "a", "id": "1"}, {"topic": "b", "id": "2"}]')

        self.assertEqual(
            answer.json, [{"id": "1", "subscribers": 0}, {"id": "2", "subscribers": 0}]
        )

    def test_array_of_one(self) -> None:
        """
        An array of one is still an array.
        """
        answer = open_to_all().post(JSON, b'[{"topic": "a", "id": "1"}]')

        self.assertEqual(answer.json, [{"id": "1", "subscribers": 0}])

    def test_lines(self) -> None:
        """
        Lines are answered with receipts.
        """
        body = b'{"topic": "a", "id": "1"}\n{"topic": "b", "id": "2"}\n'
        answer = open_to_all().post(NDJSON, body)

        self.assertEqual([receipt["id"] for receipt in answer.json], ["1", "2"])

    def test_content_type_parameters(self) -> None:
        """
        A charset behind the content type, and upper case in it, change nothing.
        """
        for kind in ("application/json; charset=utf-8", "Application/JSON"):
            with self.subTest(kind=kind):
                self.assertEqual(open_to_all().post(kind, b'{"topic": "a"}').status, 200)

    def test_mercure(self) -> None:
        """
        Mercure's path takes publications as well.
        """
        served = open_to_all()
        answer = served.call(
            "POST", "/.well-known/mercure", {"Content-Type": FORM}, b"topic=news&data=x"
        ).answer

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body.decode(), served.hub.broker.position.id)

    def test_forms(self) -> None:
        """
        A form that `/events` refuses, or that is not private there, is fine at Mercure's path,
        and any ``private`` means yes there.
        """
        cases = [
            (b"topic=news", 400, 200, None),
            (b"topic=news&data=x&dta=y", 400, 200, None),
            (b"topic=news&data=x&private=maybe", 400, 200, None),
            (b"topic=news&data=x&private=no", 200, 200, False),
            (b"topic=news&data=x&private=yes", 200, 200, True),
        ]
        for body, strict, lenient, private in cases:
            with self.subTest(body=body):
                served = open_to_all()
                answers = [
                    served.call("POST", path, {"Content-Type": FORM}, body).answer
                    for path in ("/events", "/.well-known/mercure")
                ]
                kept = [one.publication for one in served.hub.history.tail(9).kept]

                self.assertEqual([one.status for one in answers], [strict, lenient])
                self.assertEqual(kept[-1].private, b"private" in body)
                if private is not None:
                    self.assertEqual(kept[0].private, private)

    def test_waits_for_history(self) -> None:
        """
        Nothing is answered, and nothing is sent, before history has kept it.
        """
        history = SlowHistory(MemoryHistory())
        served = open_to_all(history)
        reader = served.call("GET", "/events?topic=news")
        writer = served.call("POST", "/events", {"Content-Type": FORM}, b"topic=news&data=x")

        self.assertEqual(writer.transport.value(), b"")
        self.assertEqual(len(reader.answer.events), 1)

        history.answer_next()

        self.assertEqual(writer.answer.status, 200)
        self.assertEqual([event.data for event in reader.answer.events[1:]], ["x"])

    def test_keep_alive(self) -> None:
        """
        One network connection serves one publication after the other.
        """
        served = open_to_all()
        caller = Caller(served.site)
        for number in range(3):
            caller.ask(
                "POST", "/events", {"Content-Type": FORM}, b"topic=a&data=&id=%d" % (number + 1)
            )
            served.clock.advance(0)

        self.assertEqual([answer.body for answer in caller.answers], [b"1", b"2", b"3"])


class EffectTests(SynchronousTestCase):
    """
    What subscribers see of it.
    """

    def test_fields(self) -> None:
        """
        Type, ID and reconnection time arrive with the data, from a form and from JSON.
        """
        form = b"topic=news&data=x%0Ay&type=alert&id=7&retry=100"
        document = {"topic": "news", "data": "x\ny", "event": "alert", "id": "7", "retry": 100}
        for kind, body in ((FORM, form), (JSON, json.dumps(document).encode())):
            with self.subTest(kind=kind):
                served = open_to_all()
                reader = served.call("GET", "/events?topic=news")
                served.post(kind, body)
                event = reader.answer.events[-1]

                self.assertEqual(
                    (event.data, event.event, event.id, event.retry), ("x\ny", "alert", "7", 100)
                )

    def test_alternates(self) -> None:
        """
        A subscriber of two of the topics gets the event once.
        """
        served = open_to_all()
        reader = served.call("GET", "/events?topic=a&topic=b")
        served.post(FORM, b"topic=a&topic=b&data=x")

        self.assertEqual([event.data for event in reader.answer.events[1:]], ["x"])

    def test_order(self) -> None:
        """
        A batch arrives in its order.
        """
        served = open_to_all()
        reader = served.call("GET", "/events?topic=*")
        lines = [json.dumps({"topic": f"t{number}", "data": number}) for number in range(20)]
        served.post(NDJSON, "\n".join(lines).encode())

        self.assertEqual(
            [event.data for event in reader.answer.events[1:]], [str(n) for n in range(20)]
        )

    def test_private(self) -> None:
        """
        What is private is withheld from those who are granted only what is public.
        """
        for kind, body in (
            (FORM, b"topic=news&data=secret&private=on"),
            (JSON, b'{"topic": "news", "data": "secret", "private": true}'),
        ):
            with self.subTest(kind=kind):
                served = open_to_all()
                reader = served.call("GET", "/events?topic=news")
                answer = served.post(kind, body)

                self.assertEqual(answer.status, 200)
                self.assertEqual(len(reader.answer.events), 1)


class AllOrNothingTests(SynchronousTestCase):
    """
    A batch with one mistake publishes nothing.
    """

    GOOD = '{"topic": "a", "data": "good"}'

    def test_bad_entry(self) -> None:
        """
        The place of the mistake is told, and nothing is kept.
        """
        for bad in ('{"topic": "a", "retry": -1}', '{"topic": ""}', "7", '{"t": 1}'):
            for kind, body, place in (
                (JSON, f"[{self.GOOD}, {bad}, {self.GOOD}]", "Entry 2"),
                (NDJSON, f"{self.GOOD}\n{bad}\n{self.GOOD}", "Line 2"),
            ):
                with self.subTest(kind=kind, bad=bad):
                    served = open_to_all()
                    answer = served.post(kind, body.encode())

                    self.assertEqual(answer.status, 400)
                    self.assertIn(place, answer.detail)
                    self.assertEqual(served.kept(), [])

    def test_cut_off(self) -> None:
        """
        A last line that was cut off publishes nothing of what precedes it.
        """
        served = open_to_all()
        answer = served.post(NDJSON, f'{self.GOOD}\n{{"topic": "a", "da'.encode())

        self.assertEqual(answer.status, 400)
        self.assertEqual(served.kept(), [])

    def test_one_topic_not_granted(self) -> None:
        """
        One topic that may not be published to refuses the whole batch.
        """
        served = Served(authorize=lambda request: Grant(publish=["mine"], public=True))
        body = b'[{"topic": "mine"}, {"topic": ["mine", "others"]}]'
        answer = served.post(JSON, body)

        self.assertEqual(answer.status, 403)
        self.assertEqual(served.kept(), [])


def _give(grant: Grant, request: Request) -> Grant:
    return grant


class RefusalTests(SynchronousTestCase):
    """
    Errors, each with a sentence that says what to do.
    """

    def test_nothing(self) -> None:
        """
        An empty array and an empty body of lines have nothing to publish.
        """
        for kind, body in ((JSON, b"[]"), (NDJSON, b"\n")):
            with self.subTest(kind=kind):
                answer = open_to_all().post(kind, body)

                self.assertEqual(answer.status, 400)
                self.assertEqual(
                    answer.detail, "The request has no publication: send at least one."
                )

    def test_bad_form(self) -> None:
        """
        A form that cannot be published is a bad request.
        """
        for body in (b"data=x", b"topic=a&retry=soon", b"topic=a&data=%FF", b"topic=a&id=earliest"):
            with self.subTest(body=body):
                served = open_to_all()
                answer = served.post(FORM, body)

                self.assertEqual(answer.status, 400)
                self.assertEqual(answer.header("Content-Type"), "application/problem+json")
                self.assertEqual(served.kept(), [])

    def test_deep_data(self) -> None:
        """
        JSON that can be read and is too deep to be written again is a bad request.
        """
        depth = 900
        body = b'{"topic": "a", "data": ' + b"[" * depth + b"]" * depth + b"}"
        answer = open_to_all().post(JSON, body)

        self.assertIn(answer.status, (200, 400))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_media_type(self) -> None:
        """
        415 names what is taken, in words and by the header ``Accept``.
        """
        for kind in ("text/plain", "multipart/form-data; boundary=x", "application/xml", ""):
            with self.subTest(kind=kind):
                answer = open_to_all().post(kind, b"topic=a&data=x")

                self.assertEqual(answer.status, 415)
                self.assertEqual(answer.header("Accept"), f"{FORM}, {JSON}, {NDJSON}")
                self.assertIn(NDJSON, answer.detail)

    def test_no_media_type(self) -> None:
        """
        A body without a content type is not guessed at.
        """
        answer = open_to_all().call("POST", "/events", {}, b"topic=a&data=x").answer

        self.assertEqual(answer.status, 415)

    def test_no_token(self) -> None:
        """
        Who sends no token is asked for one.
        """
        served = Served(authorize=BearerTokens(["secret"]))
        answer = served.post(FORM, b"topic=a&data=x")

        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.header("WWW-Authenticate"), "Bearer")
        self.assertEqual(answer.detail, "Publishing needs a token: Authorization: Bearer TOKEN.")
        self.assertEqual(served.kept(), [])

    def test_nobody_by_default(self) -> None:
        """
        Where nobody says who may publish, nobody may.
        """
        served = Served()
        answer = served.post(FORM, b"topic=a&data=x")

        self.assertEqual(answer.status, 401)
        self.assertEqual(served.kept(), [])

    def test_not_granted(self) -> None:
        """
        Who is known and may not publish, or not to this topic, is forbidden to.
        """
        for selectors in ([], ["b"], ["b", "c/{x}"]):
            with self.subTest(publish=selectors):
                grant = Grant("ada", publish=selectors, public=True)
                served = Served(authorize=partial(_give, grant))
                answer = served.post(FORM, b"topic=a&data=x")

                self.assertEqual(answer.status, 403)
                self.assertEqual(
                    answer.header("WWW-Authenticate"), 'Bearer error="insufficient_scope"'
                )
                self.assertEqual(served.hub.broker.position.number, 0)

    def test_every_topic_granted(self) -> None:
        """
        Every topic has to be granted, the alternates too.
        """
        served = Served(authorize=lambda request: Grant("ada", publish=["a"]))

        self.assertEqual(served.post(FORM, b"topic=a&data=x").status, 200)
        self.assertEqual(served.post(FORM, b"topic=a&topic=b&data=x").status, 403)

    def test_expired(self) -> None:
        """
        A grant that is over lets nobody publish.
        """
        over = Grant("ada", publish=["*"], public=True, expires=0.0)
        served = Served(authorize=lambda request: over)
        answer = served.post(FORM, b"topic=a&data=x")

        self.assertEqual(answer.status, 401)
        self.assertEqual(served.hub.broker.position.number, 0)


class SizeTests(SynchronousTestCase):
    """
    413.
    """

    def test_bound(self) -> None:
        """
        A body of exactly the bound is taken, one byte more is not.
        """
        served = Served(authorize=lambda request: EVERYTHING, max_body=30)
        prefix = b"topic=a&data="
        taken = served.post(FORM, prefix + b"x" * (30 - len(prefix)))
        refused = served.post(FORM, prefix + b"x" * (31 - len(prefix)))

        self.assertEqual(taken.status, 200)
        self.assertEqual(refused.status, 413)
        self.assertIn("more than 30 bytes", refused.detail)

    def test_default(self) -> None:
        """
        By default a megabyte is taken.
        """
        served = open_to_all()
        prefix = b"topic=a&data="
        taken = served.post(FORM, prefix + b"x" * (1024 * 1024 - len(prefix)))
        refused = served.post(FORM, prefix + b"x" * (1024 * 1024 + 1 - len(prefix)))

        self.assertEqual((taken.status, refused.status), (200, 413))

    def test_chunked(self) -> None:
        """
        A body that does not say how long it will be is bounded as well.
        """
        served = Served(authorize=lambda request: EVERYTHING, max_body=30)
        for size, status in ((30, 200), (31, 413)):
            with self.subTest(size=size):
                caller = Caller(served.site)
                headers = {"Content-Type": FORM, "Transfer-Encoding": "chunked"}
                caller.ask("POST", "/events", headers)
                caller.send(b"d\r\ntopic=a&data=\r\n")
                for _ in range(size - 13):
                    caller.send(b"1\r\nx\r\n")
                caller.send(b"0\r\n\r\n")
                served.clock.advance(0)

                self.assertEqual(caller.answer.status, status)

    def test_connection_goes_on(self) -> None:
        """
        After a body that was a little too large the connection serves the next request.
        """
        served = Served(authorize=lambda request: EVERYTHING, max_body=30)
        caller = served.call("POST", "/events", {"Content-Type": FORM}, b"x" * 100_000)
        caller.ask("GET", "/healthz")

        self.assertEqual([answer.status for answer in caller.answers], [413, 200])

    def test_connection_ends(self) -> None:
        """
        A body that is much too large is not read to its end, so the network connection ends.
        """
        served = Served(authorize=lambda request: EVERYTHING, max_body=30)
        caller = Caller(served.site)
        caller.ask("POST", "/events", {"Content-Type": FORM, "Content-Length": str(10**11)})
        served.clock.advance(0)

        self.assertEqual(caller.answer.status, 413)
        self.assertEqual(caller.answer.header("Connection"), "close")


class HTTP2Tests(SynchronousTestCase):
    """
    Publishing over HTTP/2.
    """

    def test_form(self) -> None:
        """
        A form is taken as over HTTP/1.1.
        """
        served = open_to_all()
        caller = H2Caller(served.site, served.clock)
        headers = [("content-type", FORM)]
        answer = caller.answer(caller.ask("POST", "/events", headers, b"topic=a&data=&id=7"))

        self.assertEqual((answer.status, answer.body, answer.ended), (200, b"7", True))

    def test_too_large(self) -> None:
        """
        A body is bounded, whether it tells its length or not.
        """
        served = Served(authorize=lambda request: EVERYTHING, max_body=30)
        caller = H2Caller(served.site, served.clock)
        for length in ([], [("content-length", "100")]):
            with self.subTest(length=length):
                headers = [("content-type", FORM), *length]
                answer = caller.answer(caller.ask("POST", "/events", headers, b"x" * 100))

                self.assertEqual((answer.status, answer.ended), (413, True))


class HistoryTests(SynchronousTestCase):
    """
    When history cannot keep what is published.
    """

    def test_unavailable(self) -> None:
        """
        503 says when to try again; nothing was sent, and then it works.
        """
        history = AbsentHistory(away=False)
        served = open_to_all(history)
        reader = served.call("GET", "/events?topic=news")
        history.away = True
        refused = served.post(FORM, b"topic=news&data=x")
        history.away = False
        taken = served.post(FORM, b"topic=news&data=y")

        self.assertEqual(refused.status, 503)
        self.assertEqual(refused.header("Retry-After"), "5")
        self.assertEqual(refused.detail, "The store is away.")
        self.assertEqual(taken.status, 200)
        self.assertEqual([event.data for event in reader.answer.events[1:]], ["y"])

    def test_never_there(self) -> None:
        """
        The same if history was away from the start.
        """
        answer = open_to_all(AbsentHistory()).post(FORM, b"topic=news&data=x")

        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.header("Retry-After"), "5")

    def test_bug(self) -> None:
        """
        A bug in history is logged, and looks to the publisher like history that is away.
        """
        answer = open_to_all(BrokenHistory()).post(FORM, b"topic=news&data=x")

        self.assertEqual(answer.status, 503)
        self.assertNotIn("a bug", answer.detail)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_closed(self) -> None:
        """
        A hub that stops takes nothing more.
        """
        served = open_to_all()
        served.hub.broker.stop_accepting()
        answer = served.post(FORM, b"topic=news&data=x")

        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.header("Retry-After"), "5")

    def test_leaving(self) -> None:
        """
        What history keeps is sent, although its publisher has left meanwhile.
        """
        history = SlowHistory(MemoryHistory())
        served = open_to_all(history)
        reader = served.call("GET", "/events?topic=news")
        writer = served.call("POST", "/events", {"Content-Type": FORM}, b"topic=news&data=x")
        writer.leave()
        history.answer_next()

        self.assertEqual([event.data for event in reader.answer.events[1:]], ["x"])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_leaving_before_failure(self) -> None:
        """
        A publisher who has left is not told of a failure, and that is no error.
        """
        away: Deferred[list[Record]] = Deferred()

        class Failing(MemoryHistory):
            def append(self, publications: object) -> Deferred[list[Record]]:  # type: ignore[override]
                return away

        served = open_to_all(Failing())
        writer = served.call("POST", "/events", {"Content-Type": FORM}, b"topic=news&data=x")
        writer.leave()
        away.errback(HistoryUnavailable("The store is away."))

        self.assertEqual(writer.transport.value(), b"")
        self.assertEqual(self.flushLoggedErrors(), [])


class PublicationOrderTests(SynchronousTestCase):
    """
    Requests and the application's own publications share one order.
    """

    def test_order(self) -> None:
        """
        What is published first is sent first, whoever publishes it.
        """
        served = open_to_all()
        reader = served.call("GET", "/events?topic=a")
        caller = Caller(served.site)
        served.hub.publish("a", "1")
        caller.ask("POST", "/events", {"Content-Type": FORM}, b"topic=a&data=2")
        served.hub.broker.submit([Publication.of("a", "3")])
        served.clock.advance(0)

        self.assertEqual([event.data for event in reader.answer.events[1:]], ["1", "2", "3"])
