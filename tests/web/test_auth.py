"""
Bearer tokens, and the challenges of RFC 6750.
"""

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Answer, Served
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.errors import Forbidden, Unauthorized
from twisted_sse.web.auth import BearerTokens

TOKENS = BearerTokens(["first-secret", "zweites-gehüt"])
CLOSED = BearerTokens(["first-secret"], anonymous=False)
FORM = "application/x-www-form-urlencoded"

_NO_HEADERS: Mapping[str, str] = {}


def subscribe(tokens: BearerTokens, headers: Mapping[str, str] = _NO_HEADERS) -> Answer:
    """
    Ask for a stream.
    """
    return Served(authorize=tokens).get("/events?topic=news", headers)


def publish(tokens: BearerTokens, headers: Mapping[str, str] = _NO_HEADERS) -> Answer:
    """
    Post a form.
    """
    served = Served(authorize=tokens)
    return served.call(
        "POST", "/events", {"Content-Type": FORM, **headers}, b"topic=news&data=x"
    ).answer


class BearerTokensTests(SynchronousTestCase):
    """
    What a token allows.
    """

    def test_anonymous(self) -> None:
        """
        Requests without a token may read, but not publish.
        """
        self.assertEqual(subscribe(TOKENS).status, 200)
        self.assertEqual(publish(TOKENS).status, 401)

    def test_known(self) -> None:
        """
        Every token may publish and read.
        """
        for token in ("first-secret", "zweites-gehüt"):
            with self.subTest(token=token):
                headers = {"Authorization": f"Bearer {token}"}

                self.assertEqual(publish(TOKENS, headers).status, 200)
                self.assertEqual(subscribe(TOKENS, headers).status, 200)

    def test_unknown(self) -> None:
        """
        An unknown token is refused, also where no token is needed.
        """
        for token in ("first-secre", "first-secret2", "First-Secret", "first-secret zweites"):
            with self.subTest(token=token):
                headers = {"Authorization": f"Bearer {token}"}

                self.assertEqual(publish(TOKENS, headers).status, 401)
                self.assertEqual(subscribe(TOKENS, headers).status, 401)

    def test_scheme(self) -> None:
        """
        RFC 9110: the scheme is case-insensitive; spaces around the token are ignored.
        """
        for header in ("bearer first-secret", "BEARER first-secret", " Bearer   first-secret "):
            with self.subTest(header=header):
                self.assertEqual(publish(TOKENS, {"Authorization": header}).status, 200)

    def test_malformed(self) -> None:
        """
        Other headers are refused, with a sentence that shows how to send a token.
        """
        for header in ("Bearer", "Bearer ", "Basic Zmlyc3Q6c2VjcmV0", "first-secret", ""):
            with self.subTest(header=header):
                answer = publish(TOKENS, {"Authorization": header})

                self.assertEqual(answer.status, 401)
                self.assertIn("Authorization: Bearer TOKEN", answer.detail)

    def test_closed(self) -> None:
        """
        With ``anonymous=False``, GET and HEAD need a token.
        """
        headers = {"Authorization": "Bearer first-secret"}
        head = Served(authorize=CLOSED).call("HEAD", "/events?topic=news").answer

        self.assertEqual(subscribe(CLOSED).status, 401)
        self.assertEqual(head.status, 401)
        self.assertIn("Publishing needs a token", publish(CLOSED).detail)
        self.assertEqual(subscribe(CLOSED, headers).status, 200)
        self.assertEqual(publish(CLOSED, headers).status, 200)

    def test_private(self) -> None:
        """
        Private events reach only subscribers with a token.
        """
        served = Served(authorize=TOKENS)
        anonymous = served.call("GET", "/events?topic=news")
        headers = {"Authorization": "Bearer first-secret"}
        trusted = served.call("GET", "/events?topic=news", headers)
        served.publish("secret", private=True)
        served.publish("open")

        self.assertEqual([event.data for event in anonymous.answer.events[1:]], ["open"])
        self.assertEqual([event.data for event in trusted.answer.events[1:]], ["secret", "open"])

    def test_one_string(self) -> None:
        """
        A single token may be a string: its characters are not tokens.
        """
        tokens = BearerTokens("secret")

        self.assertEqual(publish(tokens, {"Authorization": "Bearer s"}).status, 401)
        self.assertEqual(publish(tokens, {"Authorization": "Bearer secret"}).status, 200)


class ChallengeTests(SynchronousTestCase):
    """
    The header ``WWW-Authenticate``.
    """

    def _challenge(self, error: Exception, headers: Mapping[str, str]) -> tuple[int, str | None]:
        def refuse(request: object) -> Grant:
            raise error

        answer = Served(authorize=refuse).get("/events?topic=news", headers)
        return answer.status, answer.header("WWW-Authenticate")

    def test_nothing_sent(self) -> None:
        """
        RFC 6750, 3.1: without authentication information there is no error code.
        """
        self.assertEqual(self._challenge(Unauthorized("Who?"), {}), (401, "Bearer"))

    def test_bad_token(self) -> None:
        """
        A refused token is invalid.
        """
        challenge = self._challenge(Unauthorized("Who?"), {"Authorization": "Bearer x"})

        self.assertEqual(challenge, (401, 'Bearer error="invalid_token"'))

    def test_other_scheme(self) -> None:
        """
        RFC 6750, 3.1: "using an unsupported authentication method" is like sending nothing.
        """
        challenge = self._challenge(Unauthorized("Who?"), {"Authorization": "Basic Zm9vOmJhcg=="})

        self.assertEqual(challenge, (401, "Bearer"))

    def test_forbidden(self) -> None:
        """
        A valid token that does not allow the request has insufficient scope.
        """
        challenge = self._challenge(Forbidden("Not this."), {"Authorization": "Bearer x"})

        self.assertEqual(challenge, (403, 'Bearer error="insufficient_scope"'))

    def test_detail(self) -> None:
        """
        The sentence of the error is the detail of the problem.
        """
        answer = Served(authorize=CLOSED).get("/events?topic=news")

        self.assertEqual(answer.header("Content-Type"), "application/problem+json")
        self.assertEqual(answer.json["title"], "Unauthorized")
        self.assertIn("Authorization: Bearer TOKEN", answer.detail)

    def test_topics_not_granted(self) -> None:
        """
        A user who may read none of the topics is answered with 403.
        """
        served = Served(authorize=lambda request: Grant("ada", subscribe=["mine"]))

        self.assertEqual(served.get("/events?topic=others").status, 403)
        self.assertEqual(served.get("/events?topic=mine").status, 200)
        self.assertEqual(served.get("/events?topic=mine&topic=others").status, 200)
