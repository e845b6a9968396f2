"""
Changing the topics of an open stream, over HTTP.
"""

import json
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.support.history import AbsentHistory
from tests.support.http import Answer, Caller, H2Caller, Served
from twisted_sse import CORS, Grant, Unauthorized
from twisted_sse.broker.topicchanges import ChangeRefused, TopicRequest
from twisted_sse.topics import Matcher
from twisted_sse.web.auth import BearerTokens

__all__ = ["ChangeTests", "NameTests", "SiblingTests", "SocketTests"]

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def authorize(request: Request) -> Grant:
    """
    Grant what the header names: ada and bob may read a, b and c.
    """
    user = request.getHeader("X-User")
    if user == "nobody":
        raise Unauthorized("Log in.")
    return Grant(user, subscribe=["a", "b", "c"]) if user else Grant(public=True)


class Stream:
    """
    A stream of topic a, and requests to change its topics.
    """

    def __init__(self, user: str = "", **options: Any) -> None:
        self.served = Served(authorize=authorize, max_topics=3, **options)
        self.user = {"X-User": user} if user else {}
        self.caller: Caller = self.served.call("GET", "/events?topic=a", self.user)
        self.name = self.caller.answer.events[0].json()["connection"]

    def send(
        self,
        body: object,
        *,
        method: str = "PATCH",
        headers: dict[str, str] | None = None,
        name: str | None = None,
    ) -> Answer:
        """
        Ask for a change, as the user of the stream and with JSON by default.
        """
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {**JSON, **self.user} if headers is None else headers
        target = f"/events/{name or self.name}"
        answer = self.served.call(method, target, headers, sent).answer
        self.served.clock.advance(0)
        return answer

    @property
    def data(self) -> list[str | None]:
        """
        The data of the published events that have come.
        """
        events = self.caller.answer.events
        return [one.data for one in events if not (one.event or "").startswith("stream-")]

    def publish(self, topic: str, data: str) -> str:
        """
        Publish, and return the ID.
        """
        publishing = self.served.hub.publish(topic, data)
        self.served.clock.advance(0)
        found: list[str] = []
        publishing.addCallback(lambda receipt: found.append(receipt.id))
        return found[0]


class ChangeTests(SynchronousTestCase):
    """
    Requests and their answers.
    """

    def test_patch(self) -> None:
        """
        ``PATCH`` answers with the topics, which count from then on.
        """
        stream = Stream()
        answer = stream.send({"add": ["b"], "remove": ["a"]})
        for topic in "ab":
            stream.publish(topic, topic)

        self.assertEqual((answer.status, answer.json), (200, {"topics": ["b"]}))
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual(stream.data, ["b"])

    def test_backlog(self) -> None:
        """
        A position is given in the body, and events that follow it come first.
        """
        stream = Stream()
        first = stream.publish("b", "1")
        stream.publish("b", "2")
        stream.send({"add": ["b"], "last_event_id": first})
        stream.publish("b", "3")

        self.assertEqual(stream.data, ["2", "3"])

    def test_repeat(self) -> None:
        """
        The backlog also has what the stream has sent, if the body or the form asks for that.
        """
        for body, headers in (
            (b'{"add":["a","b"],"last_event_id":"earliest","repeat":true}', JSON),
            (b"add=a&add=b&last_event_id=earliest&repeat=yes", FORM),
        ):
            with self.subTest(body=body):
                stream = Stream()
                for topic, data in ("a1", "b2", "a3"):
                    stream.publish(topic, data)
                stream.send(body, headers=headers)
                stream.publish("b", "4")

                self.assertEqual(stream.data, ["1", "3", "1", "2", "3", "4"])

    def test_form(self) -> None:
        """
        ``POST`` does the same, and so does a form.
        """
        for method in ("POST", "PATCH"):
            with self.subTest(method=method):
                stream = Stream()
                first = stream.publish("b", "1")
                stream.publish("b", "2")
                body = f"add=b&add=c&remove=a&last_event_id={first}".encode()
                answer = stream.send(body, method=method, headers=FORM)

                self.assertEqual(answer.json, {"topics": ["b", "c"]})
                self.assertEqual(stream.data, ["2"])

    def test_matchers(self) -> None:
        """
        A selector of one type is an object.
        """
        stream = Stream()
        add = [{"match_urlpattern": "/rooms/:room"}, {"match_exact": "{x}"}]
        answer = stream.send({"add": add, "remove": ["a"]})
        for topic in ("/rooms/1", "{x}", "x"):
            stream.publish(topic, topic)

        self.assertEqual(answer.status, 200)
        self.assertEqual(stream.data, ["/rooms/1", "{x}"])

    def test_refused(self) -> None:
        """
        What cannot be obeyed is answered with a sentence, and changes nothing.
        """
        cases: list[tuple[object, int, str]] = [
            (b"{", 400, "not JSON"),
            ([], 400, "Send an object"),
            ({"added": []}, 400, "'added'"),
            ({"add": "b"}, 400, "'add' must be an array"),
            ({"remove": [1]}, 400, "'remove' must be an array"),
            ({"add": [{"match": "b"}]}, 400, "match_urlpattern"),
            ({"add": ["b"], "last_event_id": 7}, 400, "'last_event_id' must be a string"),
            ({"add": ["b"], "repeat": "yes"}, 400, "'repeat' must be true or false"),
            ({}, 400, "Say which topics"),
            ({"remove": ["a"]}, 400, "close the stream"),
            ({"add": ["b", "c", "d"]}, 400, "At most 3 topics"),
            ({"add": ["b"], "last_event_id": "x-1"}, 410, "'x-1'"),
        ]
        stream = Stream()
        for body, status, sentence in cases:
            with self.subTest(body=body):
                answer = stream.send(body)
                self.assertEqual(answer.status, status)
                self.assertIn(sentence, answer.detail)
        stream.publish("b", "b")
        self.assertEqual(stream.data, [])

    def test_form_refused(self) -> None:
        """
        So is a form with another field, and a body of another type.
        """
        stream = Stream()
        unknown = stream.send(b"topic=b", headers=FORM)
        unclear = stream.send(b"add=b&repeat=maybe", headers=FORM)
        other = stream.send(b"b", headers={"Content-Type": "text/plain"})

        self.assertEqual(unknown.status, 400)
        self.assertIn("'topic'", unknown.detail)
        self.assertEqual((unclear.status, unclear.detail), (400, "'repeat' must be yes or no."))
        self.assertEqual(other.status, 415)
        self.assertIn("application/json", other.header("Accept-Patch") or "")

    def test_later(self) -> None:
        """
        A change that has to wait is answered with 409 and ``Retry-After``.
        """
        stream = Stream()
        stream.caller.stop_reading()
        stream.send({"add": ["b"], "last_event_id": "earliest"})
        answer = stream.send({"add": ["c"]})

        self.assertEqual((answer.status, answer.header("Retry-After")), (409, "1"))

    def test_unavailable(self) -> None:
        """
        While history is away, a position is answered with 503.
        """
        history = AbsentHistory(away=False)
        stream = Stream(history=history, window_events=1)
        ids = [stream.publish("b", str(number)) for number in range(3)]
        history.away = True
        answer = stream.send({"add": ["b"], "last_event_id": ids[0]})

        self.assertEqual(answer.status, 503)

    def test_methods(self) -> None:
        """
        Other methods are refused.
        """
        stream = Stream()
        answer = stream.send({}, method="DELETE")

        self.assertEqual((answer.status, answer.header("Allow")), (405, "PATCH, POST, OPTIONS"))

    def test_preflight(self) -> None:
        """
        Pages of listed origins may change topics.
        """
        stream = Stream(cors=CORS(["https://app.example"]))
        headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "PATCH"}
        answer = stream.send(b"", method="OPTIONS", headers=headers)

        self.assertEqual(answer.status, 204)
        self.assertIn("PATCH", answer.header("Access-Control-Allow-Methods") or "")


class NameTests(SynchronousTestCase):
    """
    The name of a connection, and who may use it.
    """

    def test_who(self) -> None:
        """
        Only the user of the stream may change its topics.
        """
        stream = Stream("ada")
        cases = [("ada", 200), ("bob", 403), ("", 403), ("nobody", 401)]
        for user, status in cases:
            with self.subTest(user=user):
                answer = stream.send({"add": ["b"]}, headers={**JSON, "X-User": user})
                self.assertEqual(answer.status, status)

    def test_no_token(self) -> None:
        """
        Where reading needs a token, so does a change.
        """
        served = Served(authorize=BearerTokens("secret", anonymous=False))
        answer = served.call("PATCH", f"/events/{'x' * 22}", JSON, b'{"add":["b"]}').answer

        self.assertEqual(answer.status, 401)

    def test_unknown(self) -> None:
        """
        A name that no stream has is answered with 404, and so is a stream that has ended.
        """
        stream = Stream()
        unknown = stream.send({"add": ["b"]}, name="x" * 22)
        stream.caller.leave()
        ended = stream.send({"add": ["b"]})
        other = stream.send({"add": ["b"]}, name="another-path")

        self.assertEqual([unknown.status, ended.status, other.status], [404, 404, 404])
        self.assertIn("another server has it", unknown.detail)

    def test_told(self) -> None:
        """
        Only streams whose topics can be changed tell a name.
        """
        stream = Stream()
        served = stream.served
        reset = served.get("/events?topic=a&last_event_id=x").events[0]
        fixed = served.hub.resource(topics=["a"])
        quiet = served.hub.resource(priming="block")
        served.serve(fixed)
        named = served.get("/").events[0].json()
        served.serve(quiet)

        self.assertEqual(len(reset.json()["connection"]), 22)
        self.assertNotIn("connection", named)
        self.assertNotIn(b"connection", served.get("/?topic=a").body)

    def test_grant_changed(self) -> None:
        """
        A stream is authorized again for the topics that it has, not for those it had.
        """
        topics = {"ada": ["a", "b"]}
        served = Served(authorize=lambda request: Grant("ada", subscribe=topics["ada"]))
        caller = served.call("GET", "/events?topic=a")
        name = caller.answer.events[0].json()["connection"]
        served.call("PATCH", f"/events/{name}", JSON, b'{"add":["b"],"remove":["a"]}')
        topics["ada"] = ["b"]
        served.hub.grant_changed("ada")
        served.clock.advance(0)

        self.assertFalse(caller.answer.ended)
        topics["ada"] = ["a"]
        served.hub.grant_changed("ada")
        served.clock.advance(0)
        self.assertTrue(caller.answer.ended)

    def test_grant_changed_patterns(self) -> None:
        """
        A stream with presence that has only patterns now is authorized again, too.
        """
        served = Served(authorize=lambda request: Grant("ada", public=True), presence=True)
        caller = served.call("GET", "/events?topic=a&presence=events")
        name = caller.answer.events[0].json()["connection"]
        body = b'{"add":["rooms/{room}"],"remove":["a"]}'
        served.call("PATCH", f"/events/{name}", JSON, body)
        served.hub.grant_changed("ada")
        served.clock.advance(0)
        served.hub.publish("rooms/1", "hello")
        served.clock.advance(0)

        self.assertEqual(caller.answer.events[-1].data, "hello")

    def test_presence(self) -> None:
        """
        A user joins the topics that are added, and leaves those that are removed.
        """
        stream = Stream("ada", presence=True)
        presence = stream.served.hub.presence
        stream.send({"add": ["b"]})
        both = [presence.count(topic) for topic in "ab"]
        left: list[str] = []
        presence.on_leave(lambda topic, member: left.append(topic))
        stream.send({"remove": ["a"]})
        stream.served.clock.advance(60)

        self.assertEqual(both, [1, 1])
        self.assertEqual(left, ["a"])


class Others:
    """
    The other processes of a hub, which have one stream.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, TopicRequest]] = []
        self.connections = self
        self.total = 0
        self.refuses = False

    def changed(self, total: int, client: str, count: int) -> None:
        """
        See `Elsewhere.changed`.
        """

    def of(self, client: str) -> int:
        """
        See `Elsewhere.of`.
        """
        return 0

    def count(self, publications: Sequence[object]) -> Any:
        """
        See `Siblings.count`.
        """
        return succeed([0] * len(publications))

    async def change_topics(
        self, name: str, user: str | None, request: TopicRequest
    ) -> Sequence[str] | None:
        """
        See `Siblings.change_topics`.
        """
        self.asked.append((name, user, request))
        if self.refuses:
            raise ChangeRefused("later", "Wait.")
        return ["b"]


class SiblingTests(SynchronousTestCase):
    """
    Streams of other processes.
    """

    def test_asked(self) -> None:
        """
        They are asked for names that are unknown here, and only for those.
        """
        stream = Stream("ada")
        others: Any = Others()
        stream.served.hub.broker.join(others)
        own = stream.send({"add": ["b"]})
        add = ["b", {"match_exact": "{x}"}]
        answer = stream.send({"add": add, "last_event_id": "e-1"}, name="y" * 22)
        others.refuses = True
        refused = stream.send({"add": ["b"]}, name="z" * 22)

        self.assertEqual(own.json, {"topics": ["a", "b"]})
        self.assertEqual(answer.json, {"topics": ["b"]})
        request = TopicRequest(("b", Matcher("exact", "{x}")), (), "e-1", 3)
        self.assertEqual(others.asked[0], ("y" * 22, "ada", request))
        self.assertEqual((refused.status, refused.detail), (409, "Wait."))


class SocketTests(SynchronousTestCase):
    """
    The same over HTTP/2.
    """

    def test_patch(self) -> None:
        """
        The stream and the change share a connection.
        """
        served = Served()
        caller = H2Caller(served.site, served.clock)
        stream = caller.ask("GET", "/events?topic=a")
        name = caller.answer(stream).events[0].json()["connection"]
        headers = [("content-type", "application/json")]
        asking = caller.ask("PATCH", f"/events/{name}", headers, b'{"add":["b"]}')
        answer = caller.answer(asking)
        served.hub.publish("b", "new")

        self.assertEqual(answer.json, {"topics": ["a", "b"]})
        self.assertEqual(caller.answer(stream).events[-1].data, "new")
