"""
Where requests have their tokens: header, query and cookie.
"""

from tests.support.tokens import signed
from tests.web.tokens.jwts import JWTTestCase, bearer
from twisted_sse import CORS

__all__ = ["CookieTests", "HeaderTests", "PrecedenceTests", "QueryTests"]

GOOD = signed({"mercure": {"publish": ["*"]}})
ORIGIN = {"Origin": "https://app.example"}


class HeaderTests(JWTTestCase):
    """
    ``Authorization``.
    """

    def test_scheme(self) -> None:
        """
        Neither the letters of the scheme nor spaces matter.
        """
        self.serve()
        for value in (f"Bearer {GOOD}", f"bearer {GOOD}", f"BEARER   {GOOD} ", f"Bearer\t{GOOD}"):
            with self.subTest(value=value):
                self.assertEqual(self.subscribe({"Authorization": value}).status, 200)

    def test_other_scheme(self) -> None:
        """
        Other schemes are for others, such as a proxy that asks for a password.
        """
        self.serve()
        for value in ("Basic YTpi", "Bearers x", "x", ""):
            with self.subTest(value=value):
                self.assertEqual(self.subscribe({"Authorization": value}).status, 401)
                cookie = {"Cookie": f"mercureAuthorization={GOOD}"}
                self.assertEqual(self.subscribe({"Authorization": value, **cookie}).status, 200)

    def test_several(self) -> None:
        """
        Two tokens are a malformed request.
        """
        self.serve()
        headers = [("Authorization", f"Bearer {GOOD}")] * 2

        self.assertEqual(self.served.get("/events?topic=a", headers).status, 400)


class QueryTests(JWTTestCase):
    """
    The query.
    """

    def test_off(self) -> None:
        """
        The query is not looked at unless that is switched on.
        """
        self.serve()

        for name in ("authorization", "access_token"):
            answer = self.subscribe(target=f"/events?topic=a&{name}={GOOD}")
            self.assertEqual(answer.status, 401)

    def test_on(self) -> None:
        """
        Both names are understood.
        """
        self.serve(query=True)
        for name in ("authorization", "access_token"):
            with self.subTest(name=name):
                target = f"/events?topic=a&{name}={GOOD}"
                self.assertEqual(self.subscribe(target=target).status, 200)
                self.assertEqual(self.publish({}, target=f"/events?{name}={GOOD}").status, 200)
                reason = self.reasons({}, f"/events?topic=a&{name}=%C3%A9")
                self.assertIn("A token in the query", reason)

    def test_odd(self) -> None:
        """
        A query that is not UTF-8, has an empty token, or too many parameters, gets an answer.
        """
        self.serve(query=True)
        for query, status in (
            ("topic=a&authorization=%ff", 401),
            ("topic=a&authorization=", 401),
            ("topic=authorization", 401),
            ("access_token=x" + "&topic=a" * 1000, 400),
        ):
            with self.subTest(query=query[:40]):
                self.assertEqual(self.subscribe(target=f"/events?{query}").status, status)


class CookieTests(JWTTestCase):
    """
    Cookies.
    """

    def test_default(self) -> None:
        """
        The cookies of Mercure are looked at, among others and in quotation marks.
        """
        self.serve()
        for cookie in (
            f"mercureAuthorization={GOOD}",
            f"__Secure-mercure_access_token={GOOD}",
            f"a=b; mercureAuthorization={GOOD}; c=d",
            f'mercureAuthorization="{GOOD}"',
            f"mercureAuthorization=; __Secure-mercure_access_token={GOOD}",
            f"mercureAuthorization=wrong; __Secure-mercure_access_token={GOOD}",
        ):
            with self.subTest(cookie=cookie):
                self.assertEqual(self.subscribe({"Cookie": cookie}).status, 200)

    def test_refused(self) -> None:
        """
        A wrong token in a cookie is answered as one in the header.
        """
        self.serve()

        self.assertIn(
            "A token in the cookie mercureAuthorization",
            self.reasons({"Cookie": "mercureAuthorization=x"}),
        )

    def test_name(self) -> None:
        """
        Another name replaces the default ones, and ``None`` switches cookies off.
        """
        self.serve(cookie="session")
        self.assertEqual(self.subscribe({"Cookie": f"session={GOOD}"}).status, 200)
        self.assertEqual(self.subscribe({"Cookie": f"mercureAuthorization={GOOD}"}).status, 401)

        self.serve(cookie=None)
        self.assertEqual(self.subscribe({"Cookie": f"mercureAuthorization={GOOD}"}).status, 401)

    def test_odd(self) -> None:
        """
        Cookies that are malformed, many, or no text, are no token.
        """
        self.serve()
        for cookie in ("=", ";;;", "mercureAuthorization", b"\xff=\xff", "a=b;" * 2000):
            with self.subTest(cookie=cookie[:10]):
                self.assertEqual(self.subscribe({"Cookie": cookie}).status, 401)

    def test_publish(self) -> None:
        """
        A publication by a cookie has to come from a page that may publish.
        """
        self.serve(cors=CORS(["https://app.example"]))
        cookie = {"Cookie": f"mercureAuthorization={GOOD}"}

        self.assertEqual(self.publish({**cookie, **ORIGIN}).status, 200)
        for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            with self.subTest(headers=headers):
                self.assertEqual(self.publish({**cookie, **headers}).status, 403)


class PrecedenceTests(JWTTestCase):
    """
    Several places.
    """

    def test_order(self) -> None:
        """
        The header counts before the query, and the query before the cookies.
        """
        self.serve(query=True)
        good, bad = {"Cookie": f"mercureAuthorization={GOOD}"}, {"Cookie": "mercureAuthorization=x"}
        query = "/events?topic=a&authorization="

        self.assertEqual(self.subscribe({**bearer(GOOD), **bad}, query + "x").status, 200)
        self.assertEqual(self.subscribe({**bearer("x"), **good}, query + GOOD).status, 401)
        self.assertEqual(self.subscribe(bad, query + GOOD).status, 200)
        self.assertEqual(self.subscribe(good, query + "x").status, 401)
