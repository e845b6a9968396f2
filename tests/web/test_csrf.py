"""
Publications that a page of another site makes with its visitor's credentials.
"""

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request
from twisted.web.test.requesthelper import DummyChannel

from tests.support.http import Answer, Served
from twisted_sse import CORS, Grant, Hub
from twisted_sse.web.csrf import OriginCheck
from twisted_sse.web.events import EventsResource
from twisted_sse.web.problem import Problem

__all__ = [
    "AllowedTests",
    "MalformedTests",
    "NotAmbientTests",
    "OptionTests",
    "RefusedTests",
    "SentenceTests",
    "WrongOriginTests",
]

COOKIE = {"Cookie": "session=ada"}
PASSWORD = {"Authorization": "Basic YWRhOnMzY3JldA=="}
FORM = "application/x-www-form-urlencoded"


def everything(request: Request) -> Grant:
    """
    Grant everything, whatever the request has to show.
    """
    return Grant("ada", publish=["*"], public=True)


class PublishTestCase(SynchronousTestCase):
    """
    Publishes with the headers that a browser would send.
    """

    def setUp(self) -> None:
        """
        Serve a hub at ``http://hub.example/events``; one other origin may read and publish.
        """
        self.served = Served(authorize=everything, cors=CORS(["https://app.example"]))

    def publish(
        self, headers: dict[str, str], content_type: str = FORM, body: bytes = b"topic=a&data=x"
    ) -> Answer:
        """
        Publish, and see that what is refused is not kept.
        """
        headers = {"Content-Type": content_type, **headers}
        answer = self.served.call("POST", "/events", headers, body).answer
        self.assertEqual(self.served.hub.broker.position.number > 0, answer.status == 200)
        return answer


class RefusedTests(PublishTestCase):
    """
    Publications that a page of another site may have made.
    """

    def test_origin(self) -> None:
        """
        Another origin may not publish with a cookie or a password.
        """
        for origin in (
            "https://evil.example",
            "http://app.example",
            "https://app.example:8443",
            "https://app.example.evil.example",
            "http://hub.example:8080",
            "http://hub.example.evil.example",
            "http://evil.example/http://hub.example",
            "null",
            "",
        ):
            for credentials in (COOKIE, PASSWORD, {}):
                with self.subTest(origin=origin, credentials=credentials):
                    answer = self.publish({"Origin": origin, **credentials})

                    self.assertEqual(answer.status, 403)
                    self.assertEqual(answer.json["kept"], "no")

    def test_every_content_type(self) -> None:
        """
        It does not matter what the body is: some browsers sent JSON without a preflight.
        """
        answer = self.publish(
            {"Origin": "https://evil.example", **COOKIE}, "application/json", b'{"topic": "a"}'
        )

        self.assertEqual(answer.status, 403)

    def test_fetch_metadata(self) -> None:
        """
        A browser that tells no origin still tells that the page is of another site.
        """
        for site in ("cross-site", "same-site", "something-new"):
            with self.subTest(site=site):
                self.assertEqual(self.publish({"Sec-Fetch-Site": site, **COOKIE}).status, 403)

    def test_extension(self) -> None:
        """
        A request that the user began is refused if it has another origin.
        """
        headers = {"Sec-Fetch-Site": "none", "Origin": "chrome-extension://abc", **COOKIE}

        self.assertEqual(self.publish(headers).status, 403)

    def test_silence(self) -> None:
        """
        A cookie or a password without any origin is refused: an old browser may have sent it.
        """
        for credentials in (COOKIE, PASSWORD, {"Authorization": "Negotiate x"}):
            with self.subTest(credentials=credentials):
                self.assertEqual(self.publish(credentials).status, 403)

    def test_any_origin(self) -> None:
        """
        ``CORS("*")`` allows no credentials.
        """
        self.served = Served(authorize=everything, cors=CORS("*"))

        self.assertEqual(self.publish({"Origin": "https://evil.example", **COOKIE}).status, 403)

    def test_without_credentials(self) -> None:
        """
        An origin that CORS lists without credentials may not publish with them.
        """
        cors = CORS(["https://app.example"], credentials=False)
        self.served = Served(authorize=everything, cors=cors)

        self.assertEqual(self.publish({"Origin": "https://app.example", **COOKIE}).status, 403)

    def test_null(self) -> None:
        """
        Nobody knows whose page ``null`` is, even where it may read.
        """
        self.served = Served(authorize=everything, cors=CORS(["null"]))

        self.assertEqual(self.publish({"Origin": "null", **COOKIE}).status, 403)

    def test_scheme_downgrade(self) -> None:
        """
        A plain page may not publish to the same host over TLS.
        """
        served = self.served
        served.site.requestFactory = _SecureRequest

        self.assertEqual(self.publish({"Origin": "http://hub.example", **COOKIE}).status, 403)
        self.assertEqual(self.publish({"Origin": "https://hub.example", **COOKIE}).status, 200)


class _SecureRequest(Request):
    """
    Came over TLS.
    """

    def isSecure(self) -> bool:
        """
        See `twisted.web.http.Request.isSecure`.
        """
        return True


class AllowedTests(PublishTestCase):
    """
    Publications of our own pages, and of allowed ones.
    """

    def test_own(self) -> None:
        """
        The origin of the request's own URL may publish, also behind a proxy that decrypts.
        """
        for origin in ("http://hub.example", "https://hub.example"):
            for credentials in (COOKIE, PASSWORD):
                with self.subTest(origin=origin, credentials=credentials):
                    self.assertEqual(self.publish({"Origin": origin, **credentials}).status, 200)

    def test_default_port(self) -> None:
        """
        A default port in ``Host`` is that of the origin.
        """
        for host, origin, status in (
            ("hub.example:443", "https://hub.example", 200),
            ("HUB.example:80", "http://hub.example", 200),
            ("hub.example:8080", "http://hub.example:8080", 200),
            ("hub.example:8080", "http://hub.example", 403),
            ("[::1]:8080", "http://[::1]:8080", 200),
        ):
            with self.subTest(host=host, origin=origin):
                served = Served(authorize=everything)
                lines = (
                    f"POST /events HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nCookie: a=b\r\n"
                    f"Content-Type: {FORM}\r\nContent-Length: 13\r\n\r\ntopic=a&data="
                )
                caller = served.call("GET", "/healthz")
                caller.send(lines.encode())
                served.clock.advance(0)

                self.assertEqual(caller.answers[-1].status, status)

    def test_listed(self) -> None:
        """
        Origins that CORS lists may publish.
        """
        self.assertEqual(self.publish({"Origin": "https://app.example", **COOKIE}).status, 200)

    def test_same_origin(self) -> None:
        """
        The browser's word is enough where a proxy has changed ``Host``.
        """
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": "https://public.example", **COOKIE}

        self.assertEqual(self.publish(headers).status, 200)

    def test_reload(self) -> None:
        """
        A request that the user began, such as a reload, needs no origin.
        """
        self.assertEqual(self.publish({"Sec-Fetch-Site": "none", **COOKIE}).status, 200)


class NotAmbientTests(PublishTestCase):
    """
    Publications whose credentials a browser does not add by itself.
    """

    def test_token(self) -> None:
        """
        A token is enough, from wherever it comes, with a cookie beside it or not.
        """
        for scheme in ("Bearer", "bearer", "Token"):
            for headers in ({}, {"Origin": "https://app.example"}, {"Sec-Fetch-Site": "x"}):
                with self.subTest(headers=headers):
                    token = {"Authorization": f"{scheme} s3cret"}

                    self.assertEqual(self.publish({**token, **headers, **COOKIE}).status, 200)

    def test_no_credentials(self) -> None:
        """
        A program without cookie and password needs no origin.
        """
        self.assertEqual(self.publish({"X-User": "ada"}).status, 200)

    def test_open_to_all(self) -> None:
        """
        If everybody may publish, and CORS allows every origin, every page may publish.
        """
        self.served = Served(authorize=everything, cors=CORS("*"))

        self.assertEqual(self.publish({"Origin": "https://any.example"}).status, 200)

    def test_reading(self) -> None:
        """
        If no origins are listed, subscribers are not asked where they come from.
        """
        self.served = Served(authorize=everything)
        headers = {"Origin": "https://evil.example", **COOKIE}

        self.assertEqual(self.served.get("/events?topic=a", headers).status, 200)


class WrongOriginTests(PublishTestCase):
    """
    Pages of other origins, if some origins are listed.
    """

    WRONG = ("https://evil.example", "null", "", "https://app.example.evil", "http://hub.example:1")
    # Its own, those of the list, and no page at all.
    RIGHT = ("http://hub.example", "https://hub.example", "https://app.example", None)

    def setUp(self) -> None:
        """
        Serve a hub that notes whom it authorizes.
        """
        super().setUp()
        self.authorized: list[bytes] = []

        def authorize(request: Request) -> Grant:
            self.authorized.append(request.method)
            return everything(request)

        self.served = Served(authorize=authorize, cors=CORS(["https://app.example"]))

    def test_wrong(self) -> None:
        """
        They are refused before they are authorized, whatever they want and send.
        """
        for origin in self.WRONG:
            for method, target in [
                ("GET", "/events?topic=a"),
                ("HEAD", "/events?topic=a"),
                ("POST", "/events"),
                ("POST", "/events/subscribe"),
                ("QUERY", "/.well-known/mercure"),
            ]:
                with self.subTest(origin=origin, method=method):
                    headers = {"Origin": origin, "Authorization": "Bearer s3cret"}
                    answer = self.served.call(method, target, headers).answer

                    self.assertEqual(answer.status, 403)
        self.assertEqual(self.authorized, [])

    def test_sentence(self) -> None:
        """
        The answer names the origin and the option.
        """
        answer = self.served.get("/events?topic=a", {"Origin": "https://evil.example"})

        self.assertIn("Pages of https://evil.example may not use this server", answer.detail)
        self.assertIn("--cors-origin", answer.detail)

    def test_right(self) -> None:
        """
        Pages of this server and of the listed origins are served.
        """
        for origin in self.RIGHT:
            with self.subTest(origin=origin):
                headers = {} if origin is None else {"Origin": origin}

                self.assertEqual(self.served.get("/events?topic=a", headers).status, 200)

    def test_changed_host(self) -> None:
        """
        The browser's word is enough where a proxy has changed ``Host``.
        """
        headers = {"Origin": "https://public.example", "Sec-Fetch-Site": "same-origin"}

        self.assertEqual(self.served.get("/events?topic=a", headers).status, 200)

    def test_two_origins(self) -> None:
        """
        A request with several origins comes from none of them.
        """
        headers = [("Origin", "https://app.example"), ("Origin", "https://app.example")]

        self.assertEqual(self.served.get("/events?topic=a", headers).status, 403)

    def test_publish_origins(self) -> None:
        """
        The origins that may publish are listed too.
        """
        resource = EventsResource(
            self.served.hub.broker,
            authorize=everything,
            cors=CORS(["https://app.example"]),
            publish_origins=["https://public.example"],
        )
        root = Resource()
        root.putChild(b"events", resource)
        self.served.serve(root)

        self.assertEqual(self.publish({"Origin": "https://public.example", **COOKIE}).status, 200)


class OptionTests(PublishTestCase):
    """
    The option *publish_origins*.
    """

    def test_listed(self) -> None:
        """
        It allows origins that may not read.
        """
        resource = EventsResource(
            self.served.hub.broker,
            authorize=everything,
            publish_origins=["https://Public.example:443"],
        )
        root = Resource()
        root.putChild(b"events", resource)
        self.served.serve(root)

        self.assertEqual(self.publish({"Origin": "https://public.example", **COOKIE}).status, 200)

    def test_invalid(self) -> None:
        """
        An invalid origin is refused when the resource is made.
        """
        for origins in (["public.example"], ["*"], ["null"], ["https://public.example/"]):
            with self.subTest(origins=origins), self.assertRaises(ValueError):
                EventsResource(Hub().broker, publish_origins=origins)


class SentenceTests(PublishTestCase):
    """
    The sentences for refused publishers.
    """

    def test_origin(self) -> None:
        """
        The origin is named, and what to do.
        """
        self.served = Served(authorize=everything)
        answer = self.publish({"Origin": "https://evil.example", **COOKIE})

        self.assertEqual(answer.header("Content-Type"), "application/problem+json")
        self.assertEqual(
            answer.detail,
            "Pages of https://evil.example may not publish here with their visitor's"
            " credentials: allow the origin, or send a token as Authorization: Bearer TOKEN.",
        )

    def test_silence(self) -> None:
        """
        A program is told what to send.
        """
        self.assertIn("send Origin", self.publish(COOKIE).detail)

    def test_bytes(self) -> None:
        """
        An origin of any bytes can be answered.
        """
        served = self.served
        caller = served.call(
            "POST", "/events", {"Content-Type": FORM, "Origin": b"\xff\xfe"}, b"topic=a&data="
        )

        self.assertEqual(caller.answer.status, 403)

    def test_anonymous(self) -> None:
        """
        A client without a grant to publish is asked for a token first.
        """
        self.served = Served()

        self.assertEqual(self.publish({"Origin": "https://evil.example"}).status, 401)


class MalformedTests(SynchronousTestCase):
    """
    The answer that Mercure has for such publications.
    """

    def test_malformed(self) -> None:
        """
        The request is said to be malformed, and not forbidden.
        """
        request = Request(DummyChannel(), False)
        request.requestHeaders.setRawHeaders(b"Cookie", [b"mercureAuthorization=x"])
        with self.assertRaises(Problem) as caught:
            OriginCheck(CORS(), malformed=True).check(request)

        self.assertEqual(caught.exception.status, 400)
        self.assertEqual(
            caught.exception.headers, {"WWW-Authenticate": 'Bearer error="invalid_request"'}
        )
