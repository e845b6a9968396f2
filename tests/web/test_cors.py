"""
Cross-origin requests, by https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Answer, Served
from twisted_sse.web.cors import CORS

ORIGIN = "https://app.example"
# What a page needs to resume, to find a hub, and to know what to do after an error.
EXPOSED = (
    "Last-Event-ID, Link, Mercure-Last-Event-ID, Publication-Kept, Retry-After, WWW-Authenticate"
)
LISTED = CORS([ORIGIN, "http://localhost:3000"])


def allowed(answer: Answer) -> dict[str, str]:
    """
    The CORS headers of *answer*.
    """
    return {name: value for name, value in answer.headers if name.startswith("access-control-")}


EXPOSED = (
    "Last-Event-ID, Link, Mercure-Last-Event-ID, Publication-Kept, Retry-After, WWW-Authenticate"
)


class AnswerTests(SynchronousTestCase):
    """
    The permissions in an answer.
    """

    def _answer(self, cors: CORS, origin: str | None = ORIGIN) -> Answer:
        headers = {} if origin is None else {"Origin": origin}
        return Served(cors=cors).get("/events?topic=news", headers)

    def test_nobody(self) -> None:
        """
        By default pages of other origins may not read.
        """
        self.assertEqual(allowed(self._answer(CORS())), {})

    def test_listed(self) -> None:
        """
        A listed origin may read, with credentials, including the headers it needs.
        """
        answer = self._answer(LISTED)

        self.assertEqual(
            allowed(answer),
            {
                "access-control-allow-origin": ORIGIN,
                "access-control-allow-credentials": "true",
                "access-control-expose-headers": EXPOSED,
            },
        )

    def test_each_listed(self) -> None:
        """
        Every listed origin is answered with itself.
        """
        answer = self._answer(LISTED, "http://localhost:3000")

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "http://localhost:3000")

    def test_unknown(self) -> None:
        """
        An origin that is not listed gets no permissions, however similar it is to a listed one.
        """
        for origin in (
            "https://evil.example",
            "http://app.example",
            "https://app.example:8443",
            "https://app.example.evil",
            "https://xapp.example",
            "null",
            "",
        ):
            with self.subTest(origin=origin):
                self.assertEqual(allowed(self._answer(LISTED, origin)), {})

    def test_no_origin(self) -> None:
        """
        A request without an origin, like those of curl, is answered without permissions.
        """
        answer = self._answer(LISTED, None)

        self.assertEqual(answer.status, 200)
        self.assertEqual(allowed(answer), {})

    def test_any(self) -> None:
        """
        If every origin may read, none may send credentials.
        """
        answer = self._answer(CORS(["*"]), "https://evil.example")

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "*")
        self.assertIsNone(answer.header("Access-Control-Allow-Credentials"))
        self.assertEqual(
            answer.header("Access-Control-Expose-Headers"),
            EXPOSED,
        )

    def test_any_as_a_string(self) -> None:
        """
        A single origin may be a string.
        """
        for origins, expected in (("*", "*"), (ORIGIN, ORIGIN)):
            with self.subTest(origins=origins):
                answer = self._answer(CORS(origins))

                self.assertEqual(answer.header("Access-Control-Allow-Origin"), expected)

    def test_without_credentials(self) -> None:
        """
        Listed origins may be denied credentials.
        """
        answer = self._answer(CORS([ORIGIN], credentials=False))

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), ORIGIN)
        self.assertIsNone(answer.header("Access-Control-Allow-Credentials"))

    def test_null(self) -> None:
        """
        The origin of sandboxed pages, ``null``, may be listed.
        """
        answer = self._answer(CORS(["null"]), "null")

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "null")

    def test_upper_case(self) -> None:
        """
        A listed origin is converted to lower case, in which browsers send origins.
        """
        answer = self._answer(CORS(["https://App.Example"]))

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), ORIGIN)

    def test_default_port(self) -> None:
        """
        A listed origin may contain the scheme's default port, which browsers omit.
        """
        answer = self._answer(CORS([ORIGIN + ":443"]))

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), ORIGIN)

    def test_embedded(self) -> None:
        """
        The resource of a hub has its own list.
        """
        served = Served()
        served.serve(served.hub.resource(cors=LISTED))
        answer = served.get("/?topic=news", {"Origin": ORIGIN})

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), ORIGIN)


class VaryTests(SynchronousTestCase):
    """
    Caches must not serve the answer for one origin to another.
    """

    def test_always(self) -> None:
        """
        Every answer varies by origin: successes, errors and preflights, for all origins.
        """
        requests = [
            ("GET", "/events?topic=news", 200),
            ("HEAD", "/events?topic=news", 200),
            ("OPTIONS", "/events", 204),
            ("GET", "/events", 400),
            ("POST", "/events", 401),
            ("DELETE", "/events", 405),
            ("GET", "/.well-known/mercure?topic=news", 200),
        ]
        for cors in (CORS(), CORS(["*"]), LISTED):
            for headers in ({}, {"Origin": ORIGIN}, {"Origin": "https://evil.example"}):
                for method, target, status in requests:
                    wrong = cors is LISTED and "evil" in headers.get("Origin", "")
                    expected = 403 if wrong and status not in (204, 405) else status
                    with self.subTest(method=method, status=status, headers=headers):
                        answer = Served(cors=cors).call(method, target, headers).answer

                        self.assertEqual(answer.status, expected)
                        self.assertEqual(answer.header("Vary"), "Origin")

    def test_errors_can_be_read(self) -> None:
        """
        A page can read the error that it was answered with.
        """
        answer = Served(cors=LISTED).get("/events", {"Origin": ORIGIN})

        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.header("Access-Control-Allow-Origin"), ORIGIN)


class PreflightTests(SynchronousTestCase):
    """
    ``OPTIONS``.
    """

    ASKED = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }

    def _answer(self, cors: CORS, target: str = "/events") -> Answer:
        return Served(cors=cors).call("OPTIONS", target, self.ASKED).answer

    def test_listed(self) -> None:
        """
        A listed origin gets the methods, the headers, and how long to cache them.
        """
        answer = self._answer(LISTED)

        self.assertEqual(answer.status, 204)
        self.assertEqual(
            allowed(answer),
            {
                "access-control-allow-origin": ORIGIN,
                "access-control-allow-credentials": "true",
                "access-control-allow-methods": "GET, HEAD, POST, QUERY, OPTIONS",
                "access-control-allow-headers": (
                    "Authorization, Cache-Control, Content-Type, Idempotency-Key, Last-Event-ID,"
                    " X-Run-Id"
                ),
                "access-control-max-age": "7200",
                "access-control-expose-headers": EXPOSED,
            },
        )

    def test_any(self) -> None:
        """
        If every origin is allowed, the headers are listed too, but no credentials.
        """
        answer = self._answer(CORS(["*"]))

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "*")
        self.assertIn("Authorization", answer.header("Access-Control-Allow-Headers") or "")
        self.assertIsNone(answer.header("Access-Control-Allow-Credentials"))

    def test_unknown(self) -> None:
        """
        An unknown origin gets ``Allow``, but no permissions.
        """
        answer = self._answer(CORS(["https://other.example"]))

        self.assertEqual(answer.status, 204)
        self.assertEqual(allowed(answer), {})
        self.assertEqual(answer.header("Allow"), "GET, HEAD, POST, QUERY, OPTIONS")

    def test_no_body(self) -> None:
        """
        The answer has neither a body nor a content type.
        """
        answer = self._answer(LISTED)

        self.assertIsNone(answer.header("Content-Type"))
        self.assertEqual(answer.body, b"")

    def test_no_authorization(self) -> None:
        """
        A preflight needs no token, since browsers send none.
        """
        served = Served(cors=LISTED, authorize=lambda request: self.fail("it was asked"))
        answer = served.call("OPTIONS", "/events", self.ASKED).answer

        self.assertEqual(answer.status, 204)

    def test_max_age(self) -> None:
        """
        The option *max_age* is sent, in seconds.
        """
        answer = self._answer(CORS([ORIGIN], max_age=60))

        self.assertEqual(answer.header("Access-Control-Max-Age"), "60")

    def test_mercure(self) -> None:
        """
        The path of Mercure is answered alike.
        """
        answer = self._answer(LISTED, "/.well-known/mercure")

        self.assertEqual(
            answer.header("Access-Control-Allow-Methods"), "GET, HEAD, POST, QUERY, OPTIONS"
        )

    def test_embedded(self) -> None:
        """
        A resource for subscribers only does not allow ``POST``.
        """
        served = Served()
        served.serve(served.hub.resource(cors=LISTED))
        answer = served.call("OPTIONS", "/", self.ASKED).answer

        self.assertEqual(answer.header("Access-Control-Allow-Methods"), "GET, HEAD, QUERY, OPTIONS")


class OriginTests(SynchronousTestCase):
    """
    Invalid origins raise ValueError.
    """

    BAD = [
        "",
        "example.com",
        "localhost:3000",
        "https://",
        "https://example.com/",
        "https://example.com/path",
        "https://example.com?query",
        "https://user@example.com",
        "https://exämple.com",
        "http://[",
        "//example.com",
    ]

    def test_bad(self) -> None:
        """
        Each is refused, also beside a valid one.
        """
        for origin in self.BAD:
            with self.subTest(origin=origin), self.assertRaises(ValueError):
                CORS([ORIGIN, origin])

    def test_star_beside_others(self) -> None:
        """
        The star must be the only entry.
        """
        with self.assertRaises(ValueError) as caught:
            CORS([ORIGIN, "*"])

        self.assertIn("only one", str(caught.exception))

    def test_advice(self) -> None:
        """
        The error quotes the mistake and shows a valid origin.
        """
        with self.assertRaises(ValueError) as caught:
            CORS(["example.com/"])

        self.assertIn("'example.com/'", str(caught.exception))
        self.assertIn("https://example.com", str(caught.exception))
