"""
Subscribing with a form in the body: ``QUERY``, and ``POST`` to ``subscribe``.
"""

from functools import partial
from urllib.parse import urlencode

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.support.history import AbsentHistory
from tests.support.http import Caller, H2Caller, Served
from twisted_sse import CORS, Grant, NoContent
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.resource import Authorize

__all__ = ["AuthorizationTests", "HTTP2Tests", "RefusalTests", "SubscribeTests"]

FORM = "application/x-www-form-urlencoded"

# 100 topics of 180 characters, which fit no request line.
MANY = [f"{number:0180}" for number in range(100)]

WAYS = [("QUERY", "/events"), ("POST", "/events/subscribe"), ("QUERY", "/.well-known/mercure")]


def subscribe(
    served: Served, method: str, target: str, body: bytes = b"topic=news", **headers: str
) -> Caller:
    """
    Send a form.
    """
    return served.call(method, target, {"Content-Type": FORM, **headers}, body)


def data_of(caller: Caller) -> list[str | None]:
    """
    The data of the published events that arrived.
    """
    return [event.data for event in caller.answer.events if event.data and event.event is None]


class SubscribeTests(SynchronousTestCase):
    """
    The stream is that of ``GET``.
    """

    def test_topics(self) -> None:
        """
        The topics of the body are subscribed to, and no others.
        """
        for method, target in WAYS:
            with self.subTest(method=method, target=target):
                served = Served()
                caller = subscribe(served, method, target, b"topic=news&topic=sport")
                served.publish("one", topic="news")
                served.publish("two", topic="other")
                served.publish("three", topic="sport")

                self.assertEqual(caller.answer.status, 200)
                self.assertEqual(caller.answer.header("Content-Type"), "text/event-stream")
                self.assertEqual(data_of(caller), ["one", "three"])

    def test_many(self) -> None:
        """
        A list that fits no request line is taken.
        """
        for method, target in WAYS:
            with self.subTest(method=method, target=target):
                served = Served()
                body = urlencode([("topic", topic) for topic in MANY]).encode()
                caller = subscribe(served, method, target, body)
                served.publish("hello", topic=MANY[-1])

                self.assertEqual(data_of(caller), ["hello"])

    def test_url_and_body(self) -> None:
        """
        The topics of the URL count too.
        """
        served = Served()
        caller = subscribe(served, "QUERY", "/events?topic=sport")
        served.publish("one", topic="news")
        served.publish("two", topic="sport")

        self.assertEqual(data_of(caller), ["one", "two"])

    def test_resume(self) -> None:
        """
        The last event ID is taken from the body, the URL or the header.
        """
        for method, target in WAYS:
            for name in ("body", "url", "header"):
                with self.subTest(method=method, target=target, name=name):
                    served = Served()
                    first, _ = served.publish("one", "two")
                    resume = f"last_event_id={first}"
                    body = b"topic=news" + (b"&" + resume.encode() if name == "body" else b"")
                    url = target + (f"?{resume}" if name == "url" else "")
                    headers = {"Last-Event-ID": first} if name == "header" else {}
                    caller = subscribe(served, method, url, body, **headers)

                    self.assertEqual(data_of(caller), ["two"])

    def test_encoding(self) -> None:
        """
        UTF-8 may be percent-encoded, or not; separators inside are encoded.
        """
        for body in (
            b"topic=gr%C3%BC%C3%9Fe%26%3B",
            "topic=grüße%26;".encode(),
            b"topic=gr%c3%bc%c3%9fe%26;\n",
        ):
            with self.subTest(body=body):
                served = Served()
                caller = subscribe(served, "QUERY", "/events", body)
                served.publish("hello", topic="grüße&;")

                self.assertEqual(data_of(caller), ["hello"])

    def test_grant_changed(self) -> None:
        """
        When the grant changes, the topics are still those of the body.
        """
        grants = [Grant("ada", public=True)]
        served = Served(authorize=lambda request: grants[-1])
        caller = subscribe(served, "POST", "/events/subscribe")
        grants.append(Grant("ada", subscribe=["news"], public=True))
        served.hub.grant_changed("ada")
        served.clock.advance(0)
        served.publish("secret", private=True)

        self.assertEqual(data_of(caller), ["secret"])

    def test_body_is_dropped(self) -> None:
        """
        An open stream does not keep its body open.
        """
        contents = []

        def authorize(request: Request) -> Grant:
            contents.append((request, request.content))
            return Grant(public=True)

        served = Served(authorize=authorize)
        subscribe(served, "QUERY", "/events")
        ((request, content),) = contents

        self.assertTrue(content.closed)
        self.assertEqual(request.content.read(), b"")

    def test_leaves(self) -> None:
        """
        A subscriber that leaves is removed.
        """
        served = Served()
        caller = subscribe(served, "QUERY", "/events")
        before = len(served.hub.connections)
        caller.leave()

        self.assertEqual((before, len(served.hub.connections)), (1, 0))

    def test_embedded(self) -> None:
        """
        `Hub.resource` takes forms too.
        """
        served = Served()
        root = Resource()
        root.putChild(b"events", served.hub.resource())
        served.serve(root)
        callers = [subscribe(served, method, target) for method, target in WAYS[:2]]
        served.publish("hello")

        self.assertEqual([data_of(caller) for caller in callers], [["hello"], ["hello"]])

    def test_preflight(self) -> None:
        """
        Pages of listed origins may use it.
        """
        served = Served(cors=CORS(["https://app.example"]))
        origin = {"Origin": "https://app.example"}
        for target, method in (("/events", "QUERY"), ("/events/subscribe", "POST")):
            with self.subTest(target=target):
                answer = served.call("OPTIONS", target, origin).answer

                self.assertEqual(answer.status, 204)
                self.assertIn(method, answer.header("Access-Control-Allow-Methods") or "")
        caller = subscribe(served, "POST", "/events/subscribe", **origin)
        self.assertEqual(caller.answer.header("Access-Control-Allow-Origin"), origin["Origin"])


class RefusalTests(SynchronousTestCase):
    """
    Errors, each with a sentence.
    """

    def test_media_type(self) -> None:
        """
        Only forms are taken.
        """
        for method, target in WAYS:
            kinds = ["application/json", "text/plain"]
            # Mercure tells a missing type from a wrong one.
            for kind in kinds if "mercure" in target else [*kinds, ""]:
                with self.subTest(method=method, kind=kind):
                    answer = (
                        Served().call(method, target, {"Content-Type": kind}, b"topic=a").answer
                    )

                    self.assertEqual(answer.status, 415)
                    self.assertEqual(answer.header("Accept"), FORM)
                    self.assertEqual(answer.header("Accept-Query"), FORM)
                    self.assertNotIn("kept", answer.json)

    def test_no_topic(self) -> None:
        """
        A form without a topic, or no body at all, is a bad request.
        """
        for body in (b"", b"x=1"):
            with self.subTest(body=body):
                self.assertEqual(subscribe(Served(), "QUERY", "/events", body).answer.status, 400)

    def test_too_many(self) -> None:
        """
        The limit on topics holds for those of the URL and the body together.
        """
        served = Served(max_topics=2)
        caller = subscribe(served, "QUERY", "/events?topic=a", b"topic=b&topic=c")

        self.assertEqual(caller.answer.status, 400)
        self.assertIn("At most 2 topics", caller.answer.detail)

        caller = subscribe(served, "QUERY", "/events", b"topic=&" * 30_000)

        self.assertEqual(caller.answer.status, 400)
        self.assertIn("At most 2 topics", caller.answer.detail)

    def test_bad_selector(self) -> None:
        """
        A selector that cannot be understood, and one that is not UTF-8, are bad requests.
        """
        for body in (b"topic={", b"topic=%FF", b"topic=\xff", b"topic=" + b"\xc3\xbc" * 3000):
            with self.subTest(body=body):
                self.assertEqual(subscribe(Served(), "QUERY", "/events", body).answer.status, 400)

    def test_too_large(self) -> None:
        """
        A body that is larger than the site takes, or than any list of topics, is refused.
        """
        for limit, text in (
            (30, b"x" * 31),
            (4 * 1024 * 1024, b"x" * 256 * 1024),
            # More than all selectors of a request may have.
            (4 * 1024 * 1024, b"x" * 80 * 1024),
            (4 * 1024 * 1024, b"%41" * 80 * 1024),
        ):
            with self.subTest(limit=limit):
                served = Served(max_body=limit)
                caller = subscribe(served, "QUERY", "/events", b"topic=" + text)

                self.assertEqual(caller.answer.status, 413)

    def test_longest(self) -> None:
        """
        As many selectors as a request may have fit into a form, each byte encoded.
        """
        topics = [f"{number:0655}" for number in range(100)]
        encoded = "&".join("topic=" + "".join(f"%{ord(one):x}" for one in each) for each in topics)
        caller = subscribe(Served(), "QUERY", "/events", encoded.encode())

        self.assertEqual(caller.answer.status, 200)

    def test_not_acceptable(self) -> None:
        """
        ``Accept`` is obeyed.
        """
        caller = subscribe(Served(), "QUERY", "/events", Accept="application/json")

        self.assertEqual(caller.answer.status, 406)

    def test_other_methods(self) -> None:
        """
        ``subscribe`` takes only ``POST``.
        """
        for method in ("GET", "PUT", "QUERY"):
            with self.subTest(method=method):
                answer = Served().call(method, "/events/subscribe?topic=a").answer

                self.assertEqual(answer.status, 405)
                self.assertEqual(answer.header("Allow"), "POST, OPTIONS")

    def test_history(self) -> None:
        """
        While history is not available, subscribers wait for it as with ``GET``.
        """
        for method, target in WAYS:
            with self.subTest(method=method, target=target):
                history = AbsentHistory()
                served = Served(history)
                caller = subscribe(served, method, target)
                self.assertEqual(caller.answer.status, 200)
                self.assertIsNone(caller.answer.header("Publication-Kept"))
                history.away = False
                served.clock.advance(1)

                # Both ways to begin a stream tell the position.
                self.assertIsNotNone(caller.answer.events[-1].id)


def _refuse(error: Exception, request: Request) -> Grant:
    raise error


class AuthorizationTests(SynchronousTestCase):
    """
    Grants are checked as for ``GET``.
    """

    def statuses(self, authorize: Authorize, **headers: str) -> list[int]:
        """
        The answers to all ways.
        """
        return [
            subscribe(Served(authorize=authorize), method, target, **headers).answer.status
            for method, target in WAYS
        ]

    def test_token(self) -> None:
        """
        If reading needs a token, every method needs it.
        """
        closed = BearerTokens(["s3cret"], anonymous=False)

        self.assertEqual(self.statuses(closed), [401] * 3)
        self.assertEqual(self.statuses(closed, Authorization="Bearer wrong"), [401] * 3)
        self.assertEqual(self.statuses(closed, Authorization="Bearer s3cret"), [200] * 3)

    def test_sentence(self) -> None:
        """
        The sentence speaks of subscribing.
        """
        served = Served(authorize=BearerTokens(["s3cret"], anonymous=False))
        answer = subscribe(served, "POST", "/events/subscribe").answer

        self.assertIn("Subscribing needs a token", answer.detail)

    def test_before_the_body(self) -> None:
        """
        The body of a request without a grant is not looked at.
        """
        closed = BearerTokens(["s3cret"], anonymous=False)
        answer = Served(authorize=closed).call("QUERY", "/events", {}, b"\xff" * 1000).answer

        self.assertEqual(answer.status, 401)

    def test_topics(self) -> None:
        """
        A grant for other topics is not enough.
        """
        self.assertEqual(self.statuses(lambda _: Grant("ada", subscribe=["mine"])), [403] * 3)
        self.assertEqual(self.statuses(lambda _: Grant("ada", subscribe=["news"])), [200] * 3)

    def test_no_content(self) -> None:
        """
        `NoContent` is answered with 204.
        """
        refuse = partial(_refuse, NoContent("Never."))

        self.assertEqual(self.statuses(refuse), [204] * 3)


class HTTP2Tests(SynchronousTestCase):
    """
    The same over HTTP/2.
    """

    def test_topics(self) -> None:
        """
        The topics of the body are subscribed to.
        """
        for method, target in WAYS:
            with self.subTest(method=method, target=target):
                served = Served()
                caller = H2Caller(served.site, served.clock)
                stream = caller.ask(method, target, [("content-type", FORM)], b"topic=news")
                served.publish("hello")
                answer = caller.answer(stream)

                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.events[-1].data, "hello")
