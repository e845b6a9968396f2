"""
`hub_routes`: a hub in a Klein app.
"""

from typing import Any

import klein
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.klein.served import Served
from tests.support.http import Caller
from twisted_sse import CORS, Forbidden, Grant, Hub
from twisted_sse.errors import InvalidSelector
from twisted_sse.klein import hub_routes

__all__ = ["PrefixTests", "PublishingTests", "SubscribingTests"]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def by_name(request: Request) -> Grant:
    """
    Name the user by a header; only ada may publish, and only news.
    """
    user = request.getHeader("X-User")
    return Grant(user, publish=["news"] if user == "ada" else (), public=True)


def data_of(caller: Caller) -> list[str | None]:
    """
    The data of the published events that arrived.
    """
    return [event.data for event in caller.answer.events if event.id and event.event is None]


class SubscribingTests(SynchronousTestCase):
    """
    Subscribing.
    """

    def served(self, **options: Any) -> Served:
        """
        Make an app with a hub.
        """
        served = Served()
        hub_routes(served.app, served.hub, **options)
        return served

    def test_get(self) -> None:
        """
        ``GET`` streams the requested topics.
        """
        served = self.served()
        caller = served.call("GET", "/events?topic=news")
        served.hub.publish("news", "hello")
        served.hub.publish("other", "unheard")
        served.clock.advance(0)

        self.assertEqual(data_of(caller), ["hello"])
        self.assertEqual(caller.answer.header("Content-Type"), "text/event-stream")

    def test_topics(self) -> None:
        """
        The topics may be fixed for all subscribers.
        """
        served = self.served(topics=["news"])
        caller = served.call("GET", "/events")
        served.hub.publish("news", "hello")
        served.clock.advance(0)

        self.assertEqual(data_of(caller), ["hello"])
        with self.assertRaises(InvalidSelector):
            self.served(topics=["{"])

    def test_priming(self) -> None:
        """
        The option *priming* is obeyed.
        """
        self.assertNotIn(b"stream-open", self.served(priming="block").get("/events?topic=a").body)

    def test_head(self) -> None:
        """
        ``HEAD`` does not subscribe.
        """
        served = self.served()
        answer = served.call("HEAD", "/events?topic=news").answer

        self.assertEqual((answer.status, len(served.hub.connections)), (200, 0))

    def test_options(self) -> None:
        """
        ``OPTIONS`` is answered, with CORS headers for pages of other origins.
        """
        served = self.served(cors=CORS(["https://page.example"]))
        origin = {"Origin": "https://page.example"}
        answer = served.call("OPTIONS", "/events", origin).answer

        self.assertEqual(
            (answer.status, answer.header("Allow")), (204, "GET, HEAD, POST, QUERY, OPTIONS")
        )
        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "https://page.example")

    def test_by_form(self) -> None:
        """
        The topics may be in the body, of ``QUERY`` or of ``POST`` to ``subscribe``.
        """
        for method, target in (("QUERY", "/events"), ("POST", "/events/subscribe")):
            with self.subTest(method=method):
                served = self.served()
                caller = served.call(method, target, FORM, b"topic=news")
                served.hub.publish("news", "hello")
                served.clock.advance(0)

                self.assertEqual(data_of(caller), ["hello"])

    def test_other_methods(self) -> None:
        """
        Other methods are answered with 405.
        """
        self.assertEqual(self.served().call("PUT", "/events").answer.status, 405)

    def test_leaves(self) -> None:
        """
        A subscriber that leaves is removed from the registry.
        """
        served = self.served()
        caller = served.call("GET", "/events?topic=news")
        before = len(served.hub.connections)
        caller.leave()

        self.assertEqual((before, len(served.hub.connections)), (1, 0))

    def test_grant_changed(self) -> None:
        """
        When a grant is revoked, the user is authorized again and the stream ends.
        """
        users = {"ada"}

        def authorize(request: Request) -> Grant:
            if not users:
                raise Forbidden("No more.")
            return Grant("ada", public=True)

        served = self.served(authorize=authorize)
        caller = served.call("GET", "/events?topic=news")
        users.clear()
        served.hub.grant_changed("ada")
        served.clock.advance(0)

        self.assertEqual((caller.answer.ended, len(served.hub.connections)), (True, 0))

    def test_limit(self) -> None:
        """
        More topics than the limit are refused.
        """
        served = self.served(max_topics=1)

        self.assertEqual(served.get("/events?topic=a&topic=b").status, 400)


class PublishingTests(SynchronousTestCase):
    """
    Publishing.
    """

    def post(
        self, user: str | None = None, body: bytes = b"topic=news&data=hi", **options: Any
    ) -> int:
        """
        Publish, and return the status of the answer.
        """
        served = Served()
        hub_routes(served.app, served.hub, **options)
        reader = served.call("GET", "/events?topic=*")
        headers = FORM if user is None else {**FORM, "X-User": user}
        answer = served.call("POST", "/events", headers, body).answer
        self.assertEqual(data_of(reader), ["hi"] if answer.status == 200 else [])
        return answer.status

    def test_nobody(self) -> None:
        """
        By default nobody may publish.
        """
        self.assertEqual(self.post(), 401)

    def test_authorized(self) -> None:
        """
        Only users with a grant for the topic may publish.
        """
        self.assertEqual(self.post("ada", authorize=by_name), 200)
        self.assertEqual(self.post("eve", authorize=by_name), 403)
        self.assertEqual(self.post("ada", b"topic=other&data=hi", authorize=by_name), 403)

    def test_cookie(self) -> None:
        """
        A page of another origin may not publish with its visitor's cookie, unless it is allowed.
        """
        headers = {**FORM, "X-User": "ada", "Cookie": "a=b", "Origin": "https://page.example"}
        for options, status in (
            (dict[str, Any](), 403),
            ({"cors": CORS(["https://other.example"])}, 403),
            ({"cors": CORS(["https://page.example"])}, 200),
            ({"publish_origins": ["https://page.example"]}, 200),
        ):
            with self.subTest(options=options):
                served = Served()
                hub_routes(served.app, served.hub, authorize=by_name, **options)
                caller = served.call("POST", "/events", headers, b"topic=news&data=hi")

                self.assertEqual(caller.answer.status, status)

    def test_bound(self) -> None:
        """
        A body larger than the limit is refused.
        """
        self.assertEqual(self.post("ada", authorize=by_name, max_body=17), 413)


class PrefixTests(SynchronousTestCase):
    """
    The prefix and the endpoint of the routes.
    """

    def test_two_hubs(self) -> None:
        """
        Several hubs can have a prefix each, and stay separate.
        """
        served = Served()
        other = Hub(reactor=served.clock)
        hub_routes(served.app, served.hub, "/news")
        hub_routes(served.app, other, "/chat")
        news, chat = (served.call("GET", each) for each in ("/news?topic=a", "/chat?topic=a"))
        served.hub.publish("a", "from one")
        other.publish("a", "from the other")
        served.clock.advance(0)

        self.assertEqual((data_of(news), data_of(chat)), (["from one"], ["from the other"]))

    def test_object(self) -> None:
        """
        The app of a class can have a hub.
        """
        clock = Clock()

        class Console:
            app = klein.Klein()
            hub = Hub(reactor=clock)
            hub_routes(app, hub)

        served = Served(Console().app)

        self.assertEqual(served.get("/events?topic=news").status, 200)

    def test_below(self) -> None:
        """
        A hub can be in a subroute, and have a prefix with parameters.
        """
        served = Served()
        with served.app.subroute("/api") as app:
            hub_routes(app, served.hub)
        hub_routes(served.app, served.hub, "/of/<user>")

        self.assertEqual(served.get("/api/events?topic=news").status, 200)
        self.assertEqual(served.get("/of/ada?topic=news").status, 200)
        for target in ("/api/events/subscribe", "/of/ada/subscribe"):
            self.assertEqual(served.call("POST", target, FORM, b"topic=a").answer.status, 200)

    def test_url_for(self) -> None:
        """
        The name for ``url_for`` is the prefix, or *endpoint*.
        """
        served = Served()
        hub_routes(served.app, served.hub)
        hub_routes(served.app, served.hub, "/b", endpoint="chat")

        @served.app.route("/where")
        def where(request: Request) -> str:
            return " ".join(served.app.url_for(request, each) for each in ("/events", "chat"))

        self.assertEqual(served.get("/where").body, b"/events /b")

    def test_taken(self) -> None:
        """
        A second endpoint of the same name is refused: Klein would replace the first silently.
        """
        served = Served()
        hub_routes(served.app, served.hub)

        with self.assertRaises(ValueError):
            hub_routes(served.app, Hub(reactor=served.clock))
        with self.assertRaises(ValueError):
            hub_routes(served.app, served.hub, "/other", endpoint="/events/subscribe")
