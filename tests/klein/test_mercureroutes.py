"""
`mercure_routes`: a hub that speaks Mercure in a Klein app.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.klein.served import Served
from twisted_sse import Grant
from twisted_sse.klein import mercure_routes
from twisted_sse.web.mercure import discovery

__all__ = ["MercureRoutesTests"]

HUB = "/.well-known/mercure"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def everything(request: Request) -> Grant:
    """
    Grant everything to everybody.
    """
    return Grant(subscribe=["*"], publish=["*"], public=True)


class MercureRoutesTests(SynchronousTestCase):
    """
    Routes of the hub, of its active subscriptions, and of its metadata.
    """

    def served(self, *prefix: str, **options: Any) -> Served:
        """
        Make an app with a hub.
        """
        served = Served()
        options = {"authorize": everything, "subscriptions": True, **options}
        mercure_routes(served.app, served.hub, *prefix, **options)
        return served

    def test_publish(self) -> None:
        """
        ``POST`` publishes to those who subscribe.
        """
        served = self.served()
        stream = served.call("GET", f"{HUB}?topic=a")
        answer = served.call("POST", HUB, FORM, b"topic=a&data=x").answer

        event = stream.answer.events[-1]
        self.assertEqual((answer.status, answer.body.decode()), (200, event.id))

    def test_subscriptions(self) -> None:
        """
        The active subscriptions are served, those of a matcher and each one, too.
        """
        served = self.served()
        served.call("GET", f"{HUB}?match=a%2Fb").read_on()
        served.clock.advance(0)
        every = served.get(f"{HUB}/subscriptions", {"Accept": "application/json"}).json
        (one,) = every["subscriptions"]

        self.assertEqual(one["match"], "a/b")
        self.assertEqual(
            served.get(f"{HUB}/subscriptions/exact/a%2Fb").json["subscriptions"], [one]
        )
        self.assertEqual(served.get(one["id"]).json, one)

    def test_prefix(self) -> None:
        """
        Everything follows the prefix.
        """
        served = self.served("/hub")
        metadata = served.get("/.well-known/oauth-protected-resource/hub").json

        self.assertEqual(served.get("/hub?topic=a").status, 200)
        self.assertEqual(served.get("/hub/subscriptions").json["id"], "/hub/subscriptions")
        self.assertEqual(metadata["resource"], "http://hub.example/hub")
        refused = served.call("POST", "/hub", FORM, b"topic=/hub/x").answer
        self.assertEqual(refused.status, 400)

    def test_opt_in(self) -> None:
        """
        Without tokens and subscriptions there is only the hub.
        """
        served = self.served(authorize=None, subscriptions=False)

        self.assertEqual(served.get(f"{HUB}?topic=a").status, 200)
        self.assertEqual(served.get(f"{HUB}/subscriptions").status, 404)
        self.assertEqual(served.get(f"/.well-known/oauth-protected-resource{HUB}").status, 404)

    def test_taken(self) -> None:
        """
        The name of an endpoint can be used once.
        """
        served = self.served()
        error = self.assertRaises(ValueError, mercure_routes, served.app, served.hub)

        self.assertIn("already has an endpoint", str(error))

    def test_body_bound(self) -> None:
        """
        A body beyond the limit is answered with 413.
        """
        served = self.served(max_body=1000)
        answer = served.call("POST", HUB, FORM, b"topic=a&data=" + b"x" * 1000).answer

        self.assertEqual(answer.status, 413)

    def test_discovery(self) -> None:
        """
        A decorated route tells where the hub is.
        """
        served = Served()

        @served.app.route("/books/<number>")
        @discovery()
        def book(request: Request, number: str) -> str:
            return f"book {number}"

        answer = served.get("/books/1")

        self.assertEqual(answer.body, b"book 1")
        self.assertEqual(answer.header("Link"), f'<{HUB}>; rel="mercure"')
