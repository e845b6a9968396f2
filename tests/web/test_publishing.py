"""
A resource of an embedded hub that takes publications, and CORS for resources of others.
"""

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.support.http import Answer, Served
from twisted_sse import CORS, Forbidden, Grant, MemoryHistory
from twisted_sse.topics import Selection
from twisted_sse.web.auth import BearerTokens

__all__ = ["PublishingTests", "RepeatTests", "WildcardTests", "WrapTests"]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGE = "https://page.example"


class PublishingTests(SynchronousTestCase):
    """
    `Hub.publishing`.
    """

    def setUp(self) -> None:
        """
        A hub whose publishers have a token.
        """
        self.served = Served()
        self.served.serve(self.served.hub.publishing(BearerTokens(["secret"])))

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        """
        Post a form to the resource.
        """
        caller = self.served.call("POST", "/", headers, body)
        self.served.clock.advance(0)
        return caller.answer

    def test_publish(self) -> None:
        """
        A publication with the token is kept, and its ID answered.
        """
        headers = {**FORM, "Authorization": "Bearer secret"}
        answer = self.post(b"topic=a&data=1", headers)

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body.decode(), self.served.hub.broker.position.id)

    def test_refused(self) -> None:
        """
        Without the token nothing is published, and there is nothing to read.
        """
        self.assertEqual(self.post(b"topic=a&data=1", FORM).status, 401)
        answer = self.served.get("/?topic=a")

        self.assertEqual((answer.status, answer.header("Allow")), (405, "POST, OPTIONS"))
        self.assertEqual(self.served.hub.broker.position.number, 0)

    def test_grant(self) -> None:
        """
        A function says which topics a request may publish to.
        """

        def authorize(request: Request) -> Grant:
            if request.getHeader("X-User") != "ada":
                raise Forbidden("Only Ada publishes here.")
            return Grant("ada", publish=["ada/{any}"])

        self.served.serve(self.served.hub.publishing(authorize))
        ada = {**FORM, "X-User": "ada"}

        self.assertEqual(self.post(b"topic=ada/1&data=x", ada).status, 200)
        self.assertEqual(self.post(b"topic=bob/1&data=x", ada).status, 403)
        self.assertEqual(self.post(b"topic=ada/1&data=x", FORM).status, 403)


class RepeatTests(SynchronousTestCase):
    """
    Publications with IDs of their own, which a hub has kept before its last start.
    """

    def setUp(self) -> None:
        """
        A history that outlives its hubs.
        """
        self.history = MemoryHistory()
        self.post("topic=a&id=own&data=x")

    def post(self, body: str, hub_age: float = 0.0) -> Answer:
        """
        Post a form to a new hub.
        """
        served = Served(self.history)
        served.serve(served.hub.publishing(BearerTokens(["secret"])))
        served.clock.advance(hub_age)
        headers = FORM | {"Authorization": "Bearer secret"}
        caller = served.call("POST", "/", headers, body.encode())
        served.clock.advance(0)
        return caller.answer

    def kept(self) -> int:
        """
        How many publications there are.
        """
        return len(self.history.since(None, Selection.of(["*"]), 10))

    def test_repeat(self) -> None:
        """
        The same again is answered as before.
        """
        answer = self.post("topic=a&id=own&data=x")

        self.assertEqual((answer.status, answer.body), (200, b"own"))
        self.assertEqual(self.kept(), 1)

    def test_another(self) -> None:
        """
        Another event with the same ID, or with another ID, is another publication.
        """
        for count, body in enumerate(
            (
                "topic=a&id=own&data=y",
                "topic=b&id=own&data=x",
                "topic=a&id=own&data=x&event=z",
                "topic=a&id=own&data=x&private=on",
                "topic=a&id=other&data=x",
                "topic=a&data=x",
            ),
            2,
        ):
            with self.subTest(body):
                self.assertEqual(self.post(body).status, 200)
                self.assertEqual(self.kept(), count)

    def test_later(self) -> None:
        """
        A hub that runs for ten minutes remembers everything that may still be repeated.
        """
        self.post("topic=a&id=own&data=x", hub_age=600)

        self.assertEqual(self.kept(), 2)


class Page(Resource):
    """
    A resource of somebody else, with a child.
    """

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `Resource.getChild`.
        """
        return self

    def render_GET(self, request: Request) -> bytes:
        """
        See `Resource.render`.
        """
        return b"hello"


class WrapTests(SynchronousTestCase):
    """
    `CORS.wrap`.
    """

    def setUp(self) -> None:
        """
        A wrapped resource.
        """
        self.served = Served()
        self.served.serve(CORS([PAGE]).wrap(Page()))

    def test_answers(self) -> None:
        """
        A listed page may read the resource and its children.
        """
        for target in ("/", "/child", "/child/grandchild"):
            answer = self.served.get(target, {"Origin": PAGE})

            self.assertEqual((answer.status, answer.body), (200, b"hello"), target)
            self.assertEqual(answer.header("Access-Control-Allow-Origin"), PAGE)

    def test_others(self) -> None:
        """
        A page that is not listed may not, and nothing else changes.
        """
        answer = self.served.get("/", {"Origin": "https://other.example"})

        self.assertEqual((answer.status, answer.body), (200, b"hello"))
        self.assertIsNone(answer.header("Access-Control-Allow-Origin"))

    def test_preflight(self) -> None:
        """
        A preflight is answered at every URL, and the resource does not see it.
        """
        for target in ("/", "/child", "/child/grandchild"):
            headers = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH"}
            answer = self.served.call("OPTIONS", target, headers).answer

            self.assertEqual(answer.status, 204, target)
            self.assertIn("PATCH", answer.header("Access-Control-Allow-Methods") or "")


class WildcardTests(SynchronousTestCase):
    """
    A star in an origin.
    """

    def test_label(self) -> None:
        """
        The star is one label; scheme, port and the rest of the host are exact.
        """
        cors = CORS(["https://*.example.com", "http://*.dev.example:8080"])
        allowed = ["https://a.example.com", "https://a-1.example.com", "http://x.dev.example:8080"]
        refused = ["https://example.com", "https://a.b.example.com", "http://a.example.com"]
        refused += ["https://a.example.com:444", "https://aexample.com", "https://.example.com"]
        refused += ["https://a.example.com.evil.example", "https://evil/.example.com", "null"]

        for origin in allowed:
            self.assertTrue(cors.allows(origin.encode(), credentials=True), origin)
        for origin in refused:
            self.assertFalse(cors.allows(origin.encode(), credentials=True), origin)

    def test_refused(self) -> None:
        """
        A star anywhere else is no origin.
        """
        wrong = ["https://*", "https://*.com", "https://a.*.com", "https://a*.example.com"]
        for origin in [*wrong, "https://**.example.com", "*://a.example.com"]:
            self.assertRaises(ValueError, CORS, [origin])
