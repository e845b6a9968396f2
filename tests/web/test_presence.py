"""
Who is on a topic, over HTTP.
"""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.support.http import Answer, Served
from twisted_sse import CORS, Grant
from twisted_sse.web.auth import BearerTokens

__all__ = ["ResourceTests", "StreamTests"]

GRANTS = {
    "ada": Grant("ada", info={"name": "Ada"}, subscribe=["rooms/{room}"], public=True),
    "eve": Grant("eve", subscribe=["rooms/1"]),
    "old": Grant("old", public=True, expires=0.0),
}


def authorize(request: Request) -> Grant:
    """
    Grant what the header names.
    """
    return GRANTS.get(request.getHeader("X-User") or "", Grant(public=True))


class Presence(SynchronousTestCase):
    """
    Tests with a hub that keeps presence.
    """

    def setUp(self) -> None:
        """
        Serve it.
        """
        self.served = Served(authorize=authorize, presence=True)

    def get(self, target: str, user: str = "") -> Answer:
        """
        Ask as *user*.
        """
        return self.served.get(target, {"X-User": user} if user else {})


class ResourceTests(Presence):
    """
    ``GET /presence``.
    """

    def setUp(self) -> None:
        """
        A user and a stranger are in a room.
        """
        super().setUp()
        self.get("/events?topic=rooms/1", "ada")
        self.get("/events?topic=rooms/1")

    def test_names(self) -> None:
        """
        A grant that covers the topic privately is answered with names.
        """
        answer = self.get("/presence?topic=rooms/1", "eve")

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual(
            answer.json,
            {
                "topic": "rooms/1",
                "count": 2,
                "anonymous": 1,
                "members": [{"user": "ada", "info": {"name": "Ada"}}],
            },
        )

    def test_counts(self) -> None:
        """
        A grant for what is public is answered with a count.
        """
        self.assertEqual(self.get("/presence?topic=rooms/1").json, {"topic": "rooms/1", "count": 2})
        self.assertEqual(
            self.get("/presence?topic=hall", "ada").json, {"topic": "hall", "count": 0}
        )

    def test_refused(self) -> None:
        """
        Other grants are refused: those of other topics with 403, expired ones with 401.
        """
        self.assertEqual(self.get("/presence?topic=rooms/2", "eve").status, 403)
        self.assertEqual(self.get("/presence?topic=rooms/1", "old").status, 401)

    def test_one_topic(self) -> None:
        """
        The question is about one topic, and not about a pattern.
        """
        for query in ("", "?topic=a&topic=b", "?topic=*", "?topic=rooms/{room}", "?topic="):
            answer = self.get(f"/presence{query}", "ada")

            self.assertEqual(answer.status, 400, query)
        self.assertIn("Name a single topic", self.get("/presence?topic=*").detail)

    def test_head(self) -> None:
        """
        HEAD is answered with the headers alone, and other methods with 405.
        """
        head = self.served.call("HEAD", "/presence?topic=rooms/1").answer
        length = len(self.get("/presence?topic=rooms/1").body)

        self.assertEqual((head.status, head.header("Content-Length")), (200, str(length)))
        self.assertEqual(head.body, b"")
        self.assertEqual(self.served.call("DELETE", "/presence?topic=a").answer.status, 405)
        self.assertEqual(self.get("/presence/below").status, 400)

    def test_tokens(self) -> None:
        """
        With ``--anonymous no``, a request without a token is refused with 401.
        """
        resource = self.served.hub.presence_resource(BearerTokens(["secret"], anonymous=False))
        self.served.serve(resource)

        self.assertEqual(self.get("/?topic=rooms/1").status, 401)
        token = {"Authorization": "Bearer secret"}
        self.assertIn("members", self.served.get("/?topic=rooms/1", token).json)

    def test_everybody(self) -> None:
        """
        A resource without *authorize* tells counts.
        """
        self.served.serve(self.served.hub.presence_resource())

        self.assertEqual(self.get("/?topic=rooms/1", "ada").json["count"], 2)
        self.assertNotIn("members", self.get("/?topic=rooms/1", "ada").json)

    def test_later(self) -> None:
        """
        The grant may come later.
        """
        waiting: Deferred[Grant] = Deferred()
        self.served.serve(self.served.hub.presence_resource(lambda request: waiting))
        caller = self.served.call("GET", "/?topic=rooms/1")
        waiting.callback(GRANTS["eve"])

        self.assertEqual(caller.answer.json["count"], 2)

    def test_cors(self) -> None:
        """
        Pages of other origins may ask if CORS lists them.
        """
        page = "https://page.example"
        resource = self.served.hub.presence_resource(cors=CORS([page]))
        self.served.serve(resource)
        answer = self.served.get("/?topic=rooms/1", {"Origin": page})

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), page)


class StreamTests(Presence):
    """
    ``GET /events?presence=…``.
    """

    def told(self, answer: Answer) -> list[Any]:
        """
        The data of the presence events in *answer*.
        """
        events = [one for one in answer.events if (one.event or "").startswith("presence-")]
        return [event.json() for event in events]

    def test_events(self) -> None:
        """
        A stream that asks for events is told the state, and counts itself.
        """
        answer = self.get("/events?topic=rooms/1&presence=events", "ada")

        self.assertEqual([data["count"] for data in self.told(answer)], [1])

    def test_watch(self) -> None:
        """
        A stream that watches does not count.
        """
        answer = self.get("/events?topic=rooms/1&presence=watch", "ada")

        self.assertEqual(
            self.told(answer), [{"topic": "rooms/1", "count": 0, "anonymous": 0, "members": []}]
        )

    def test_form(self) -> None:
        """
        A form may ask too.
        """
        form = {"Content-Type": "application/x-www-form-urlencoded", "X-User": "ada"}
        body = b"topic=rooms/1&presence=watch"
        caller = self.served.call("POST", "/events/subscribe", form, body)
        self.served.clock.advance(0)

        self.assertEqual(len(self.told(caller.answer)), 1)

    def test_wrong(self) -> None:
        """
        What is neither is refused, and so is presence without a name of a topic.
        """
        unknown = self.get("/events?topic=rooms/1&presence=yes", "ada")
        patterns = self.get("/events?topic=*&presence=events", "ada")

        self.assertEqual((unknown.status, patterns.status), (400, 400))
        self.assertIn("Write presence=events, or presence=watch", unknown.detail)
        self.assertIn("topics with a name", patterns.detail)

    def test_off(self) -> None:
        """
        A hub without presence refuses the question, and has no resource for it.
        """
        served = Served()

        self.assertIn(
            "This hub keeps no presence", served.get("/events?topic=a&presence=events").detail
        )
        self.assertEqual(served.get("/presence?topic=a").status, 404)

    def test_other_hubs(self) -> None:
        """
        A hub that follows this one is on no topic.
        """
        everything = Grant("edge", subscribe=["*"], public=True)
        served = Served(authorize=lambda request: succeed(everything), presence=True)
        answer = served.get("/events?topic=*&annotate=comment")

        self.assertEqual((answer.status, served.hub.presence.count("a")), (200, 0))
        self.assertEqual(len(served.hub.connections), 1)
