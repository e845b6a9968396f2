"""
Cross-origin requests, by https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Answer, Served
from twisted_sse.web.cors import CORS

ORIGIN = "https://app.example"
LISTED = CORS([ORIGIN, "http://localhost:3000"])


def allowed(answer: Answer) -> dict[str, str]:
    """
    The headers of *answer* that browsers decide by.
    """
    return {name: value for name, value in answer.headers if name.startswith("access-control-")}


class AnswerTests(SynchronousTestCase):
    """
    What an answer lets pages of other origins do.
    """

    def _answer(self, cors: CORS, origin: str | None = ORIGIN) -> Answer:
        headers = {} if origin is None else {"Origin": origin}
        return Served(cors=cors).get("/events?topic=news", headers)

    def test_nobody(self) -> None:
        """
        By default no page of another origin may read.
        """
        self.assertEqual(allowed(self._answer(CORS())), {})

    def test_listed(self) -> None:
        """
        A listed origin may read, with credentials, and sees the headers it needs.
        """
        answer = self._answer(LISTED)

        self.assertEqual(
            allowed(answer),
            {
                "access-control-allow-origin": ORIGIN,
                "access-control-allow-credentials": "true",
                "access-control-expose-headers": "Last-Event-ID, Retry-After",
            },
        )

    def test_each_listed(self) -> None:
        """
        Every listed origin gets itself for an answer.
        """
        answer = self._answer(LISTED, "http://localhost:3000")

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "http://localhost:3000")

    def test_unknown(self) -> None:
        """
        An origin that is not listed gets nothing, however near it is to one that is.
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
        A request without an origin, as curl makes it, is answered without permissions.
        """
        answer = self._answer(LISTED, None)

        self.assertEqual(answer.status, 200)
        self.assertEqual(allowed(answer), {})

    def test_any(self) -> None:
        """
        Where every origin may read, none gets credentials.
        """
        answer = self._answer(CORS(["*"]), "https://evil.example")

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "*")
        self.assertIsNone(answer.header("Access-Control-Allow-Credentials"))
        self.assertEqual(
            answer.header("Access-Control-Expose-Headers"), "Last-Event-ID, Retry-After"
        )

    def test_any_as_a_string(self) -> None:
        """
        One origin may be given as a string.
        """
        for origins, expected in (("*", "*"), (ORIGIN, ORIGIN)):
            with self.subTest(origins=origins):
                answer = self._answer(CORS(origins))

                self.assertEqual(answer.header("Access-Control-Allow-Origin"), expected)

    def test_without_credentials(self) -> None:
        """
        Credentials can be withheld from listed origins too.
        """
        answer = self._answer(CORS([ORIGIN], credentials=False))

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), ORIGIN)
        self.assertIsNone(answer.header("Access-Control-Allow-Credentials"))

    def test_null(self) -> None:
        """
        A sandboxed page may be listed, as ``null``.
        """
        answer = self._answer(CORS(["null"]), "null")

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "null")

    def test_upper_case(self) -> None:
        """
        Browsers send origins in lower case, so a listed one is meant in lower case.
        """
        answer = self._answer(CORS(["https://App.Example"]))

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), ORIGIN)

    def test_default_port(self) -> None:
        """
        Browsers leave a scheme's own port out, so a listed one matches with it as well.
        """
        answer = self._answer(CORS([ORIGIN + ":443"]))

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), ORIGIN)

    def test_embedded(self) -> None:
        """
        A hub's resource obeys its own list.
        """
        served = Served()
        served.serve(served.hub.resource(cors=LISTED))
        answer = served.get("/?topic=news", {"Origin": ORIGIN})

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), ORIGIN)


class VaryTests(SynchronousTestCase):
    """
    Caches must not give one origin the answer of another.
    """

    def test_always(self) -> None:
        """
        Every answer varies by origin: successes, errors and preflights, whoever asks.
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
                    with self.subTest(method=method, status=status, headers=headers):
                        answer = Served(cors=cors).call(method, target, headers).answer

                        self.assertEqual(answer.status, status)
                        self.assertEqual(answer.header("Vary"), "Origin")

    def test_errors_can_be_read(self) -> None:
        """
        A page can read why it was refused.
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
        A listed origin is told the methods and headers, and for how long that holds.
        """
        answer = self._answer(LISTED)

        self.assertEqual(answer.status, 204)
        self.assertEqual(
            allowed(answer),
            {
                "access-control-allow-origin": ORIGIN,
                "access-control-allow-credentials": "true",
                "access-control-allow-methods": "GET, HEAD, POST, OPTIONS",
                "access-control-allow-headers": (
                    "Authorization, Cache-Control, Content-Type, Last-Event-ID"
                ),
                "access-control-max-age": "7200",
                "access-control-expose-headers": "Last-Event-ID, Retry-After",
            },
        )

    def test_any(self) -> None:
        """
        Where every origin is allowed, the headers are named too, and credentials are not.
        """
        answer = self._answer(CORS(["*"]))

        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "*")
        self.assertIn("Authorization", answer.header("Access-Control-Allow-Headers") or "")
        self.assertIsNone(answer.header("Access-Control-Allow-Credentials"))

    def test_unknown(self) -> None:
        """
        An unknown origin learns the methods and is allowed nothing.
        """
        answer = self._answer(CORS(["https://other.example"]))

        self.assertEqual(answer.status, 204)
        self.assertEqual(allowed(answer), {})
        self.assertEqual(answer.header("Allow"), "GET, HEAD, POST, OPTIONS")

    def test_no_body(self) -> None:
        """
        There is nothing to read, and so no content type.
        """
        answer = self._answer(LISTED)

        self.assertIsNone(answer.header("Content-Type"))
        self.assertEqual(answer.body, b"")

    def test_no_authorization(self) -> None:
        """
        Browsers send a preflight without a token, so none is asked for.
        """
        served = Served(cors=LISTED, authorize=lambda request: self.fail("it was asked"))
        answer = served.call("OPTIONS", "/events", self.ASKED).answer

        self.assertEqual(answer.status, 204)

    def test_max_age(self) -> None:
        """
        How long browsers remember is for the application to say, in seconds.
        """
        answer = self._answer(CORS([ORIGIN], max_age=60))

        self.assertEqual(answer.header("Access-Control-Max-Age"), "60")

    def test_mercure(self) -> None:
        """
        Mercure's path answers like ours.
        """
        answer = self._answer(LISTED, "/.well-known/mercure")

        self.assertEqual(answer.header("Access-Control-Allow-Methods"), "GET, HEAD, POST, OPTIONS")

    def test_embedded(self) -> None:
        """
        A resource that takes no publications does not offer to.
        """
        served = Served()
        served.serve(served.hub.resource(cors=LISTED))
        answer = served.call("OPTIONS", "/", self.ASKED).answer

        self.assertEqual(answer.header("Access-Control-Allow-Methods"), "GET, HEAD, OPTIONS")


class OriginTests(SynchronousTestCase):
    """
    What is no origin is refused when the list is made.
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
        Each is refused, whatever stands beside it.
        """
        for origin in self.BAD:
            with self.subTest(origin=origin), self.assertRaises(ValueError):
                CORS([ORIGIN, origin])

    def test_star_beside_others(self) -> None:
        """
        The star has to be the only entry.
        """
        with self.assertRaises(ValueError) as caught:
            CORS([ORIGIN, "*"])

        self.assertIn("only one", str(caught.exception))

    def test_advice(self) -> None:
        """
        The error quotes the mistake and shows an origin.
        """
        with self.assertRaises(ValueError) as caught:
            CORS(["example.com/"])

        self.assertIn("'example.com/'", str(caught.exception))
        self.assertIn("https://example.com", str(caught.exception))
