"""
`JWT` as the ``authorize`` function of a hub.
"""

from pathlib import Path
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Served
from tests.support.tokens import SECRET, access_token, detail, jwk, jwks, pem, signed, signer
from tests.web.tokens.jwts import JWTTestCase, bearer
from twisted_sse import CORS, JWT, Hub

__all__ = ["AnswerTests", "ArgumentTests", "LogTests", "ReloadTests", "StreamTests", "TopicTests"]

ADA = {"sub": "ada", "mercure": {"publish": ["a"], "subscribe": ["a"]}}


class TopicTests(JWTTestCase):
    """
    What a token allows.
    """

    def test_publish(self) -> None:
        """
        A token may publish to its topics, and to no others.
        """
        self.serve()
        headers = bearer(signed(ADA))

        self.assertEqual(self.publish(headers).status, 200)
        answer = self.publish(headers, "b")
        self.assertEqual(answer.status, 403)
        self.assertEqual(answer.header("WWW-Authenticate"), 'Bearer error="insufficient_scope"')

    def test_private(self) -> None:
        """
        A stream has the private events of the token's topics, and all that is not private.
        """
        self.serve()
        caller = self.served.call("GET", "/events?topic=*", bearer(signed(ADA)))
        self.served.publish("mine", topic="a", private=True)
        self.served.publish("not mine", topic="b", private=True)
        self.served.publish("public", topic="b")

        found = [event.data for event in caller.answer.events if event.data and not event.event]
        self.assertEqual(found, ["mine", "public"])

    def test_user(self) -> None:
        """
        The subject is the user of the connection.
        """
        self.serve()
        self.served.call("GET", "/events?topic=a", bearer(signed(ADA)))

        (connection,) = self.served.hub.connections
        self.assertEqual(connection.user, "ada")

    def test_mercure_1(self) -> None:
        """
        A token of Mercure 1.0 allows what its details say; the audience is the base of
        its relative patterns.
        """
        pattern = {"match": "/books/:id", "match_type": "urlpattern"}
        self.serve(audience="https://hub.example/", issuer="https://issuer.example")
        headers = bearer(access_token(detail(pattern, actions=["publish"])))

        self.assertEqual(self.publish(headers, "https://hub.example/books/1").status, 200)
        self.assertEqual(self.publish(headers, "https://evil.example/books/1").status, 403)


class AnswerTests(JWTTestCase):
    """
    The answers of RFC 6750.
    """

    def test_no_token(self) -> None:
        """
        Without a token the answer has no error code.
        """
        self.serve()
        for answer in (self.subscribe(), self.publish({})):
            self.assertEqual(answer.status, 401)
            self.assertEqual(answer.header("WWW-Authenticate"), "Bearer")

    def test_anonymous(self) -> None:
        """
        If that is allowed, a request without a token may read, but not publish.
        """
        self.serve(anonymous=True)

        self.assertEqual(self.subscribe().status, 200)
        self.assertEqual(self.publish({}).status, 401)
        self.assertEqual(self.subscribe(bearer("wrong")).status, 401)

    def test_refused(self) -> None:
        """
        All refusals have the same answer, which tells nothing.
        """
        self.serve(audience="hub")
        answers = set()
        for token in (
            "garbage",
            signed({"aud": "x"}),
            signed({"aud": "hub", "exp": -1}),
            signed({"aud": "hub"}, key=b"x" * 32),
            "x" * 8193,
        ):
            for answer in (self.subscribe(bearer(token)), self.publish(bearer(token))):
                self.assertEqual(answer.status, 401)
                self.assertEqual(answer.header("WWW-Authenticate"), 'Bearer error="invalid_token"')
                answers.add(answer.detail)

        self.assertEqual(len(answers), 1)

    def test_malformed(self) -> None:
        """
        A header that names the scheme, and has no token or several, is a malformed request.
        """
        self.serve()
        for value in ("Bearer", "Bearer ", "bearer a b", "BEARER\ta b"):
            with self.subTest(value=value):
                answer = self.subscribe({"Authorization": value})
                self.assertEqual(answer.status, 400)
                self.assertEqual(
                    answer.header("WWW-Authenticate"), 'Bearer error="invalid_request"'
                )

    def test_form(self) -> None:
        """
        A request for a stream by a form is a request for a stream.
        """
        self.serve()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for headers, status in (({}, 401), (bearer(signed(ADA)), 200)):
            caller = self.served.call("POST", "/events/subscribe", {**form, **headers}, b"topic=a")
            self.assertEqual(caller.answer.status, status)


class StreamTests(JWTTestCase):
    """
    Streams that are open.
    """

    def test_expiry(self) -> None:
        """
        A stream ends at the ``exp`` of its token.
        """
        self.serve()
        caller = self.served.call("GET", "/events?topic=a", bearer(signed({**ADA, "exp": 60})))
        self.clock.pump([1.0] * 59)
        self.assertFalse(caller.answer.ended)

        self.clock.pump([1.0, 1.0])

        self.assertTrue(caller.answer.ended)

    def test_grant_changed(self) -> None:
        """
        The token of a stream can be verified again, and a token that has expired ends it.
        """
        self.serve()
        caller = self.served.call("GET", "/events?topic=a", bearer(signed(ADA)))

        self.successResultOf(self.served.hub.grant_changed("ada"))
        self.assertFalse(caller.answer.ended)
        self.jwt = JWT(key=b"x" * 32, reactor=self.clock)
        self.successResultOf(self.served.hub.grant_changed("ada"))

        self.assertTrue(caller.answer.ended)


class ReloadTests(JWTTestCase):
    """
    Keys that are read again.
    """

    OLD, NEW = signer("ES256", "old"), signer("ES256", "new")

    def file(self, content: bytes) -> Path:
        """
        Write *content* to a file.
        """
        path = Path(self.mktemp())
        path.write_bytes(content)
        return path

    def stream(self, key: Any, key_id: str, **claims: Any) -> Any:
        """
        Open a stream with a token of *key*.
        """
        token = signed(claims, key=key, algorithm="ES256", header={"kid": key_id})
        return self.served.call("GET", "/events?topic=a", bearer(token))

    def reload(self) -> str:
        """
        Read the keys again, let the streams end, and return what the log says.
        """
        with capturedLogs() as logged:
            self.jwt.reload()
        self.clock.advance(0)
        return "\n".join(str(formatEvent(event)) for event in logged)

    def test_rotation(self) -> None:
        """
        Streams whose key was removed end, with a user or without; the others stay.
        """
        path = self.file(jwks(jwk(self.OLD, "old"), jwk(self.NEW, "new")))
        self.serve(jwks_file=str(path))
        ending = [self.stream(self.OLD, "old"), self.stream(self.OLD, "old", sub="ada")]
        staying = self.stream(self.NEW, "new")
        path.write_bytes(jwks(jwk(self.NEW, "new")))

        said = self.reload()

        self.assertEqual([one.answer.ended for one in ending], [True, True])
        self.assertFalse(staying.answer.ended)
        self.assertIn("1 now, 0 new, 1 removed", said)
        self.assertEqual(self.stream(self.OLD, "old").answer.status, 401)
        self.assertEqual(self.stream(self.NEW, "new").answer.status, 200)

    def test_unusable(self) -> None:
        """
        If the file cannot be used, its keys stay, and the log says why.
        """
        path = self.file(pem(self.OLD))
        self.serve(key_file=str(path))
        stream = self.stream(self.OLD, "x")
        path.write_bytes(b"short")

        said = self.reload()

        self.assertIn("The keys of tokens in use stay, because", said)
        self.assertIn("the secret has 5 bytes", said)
        self.assertFalse(stream.answer.ended)
        self.assertEqual(self.stream(self.OLD, "x").answer.status, 200)

    def test_fixed(self) -> None:
        """
        A key that was given as text is never read again.
        """
        self.serve(key=pem(self.OLD).decode())
        stream = self.stream(self.OLD, "x")

        self.assertEqual(self.reload(), "")
        self.assertFalse(stream.answer.ended)


class LogTests(JWTTestCase):
    """
    What the log says.
    """

    def test_reason(self) -> None:
        """
        The log says where the token was, from whom, and what is wrong; never the token.
        """
        self.serve()
        token = signed({"exp": -12})

        said = self.reasons(bearer(token))

        self.assertEqual(
            said,
            "A token in the header Authorization from 192.168.1.1 is refused: it expired 12 s ago",
        )

    def test_bounded(self) -> None:
        """
        Anybody can send tokens, and fill neither the log nor hide the count.
        """
        self.serve()
        with capturedLogs() as logged:
            for _ in range(1000):
                self.subscribe(bearer("x"))
        self.assertEqual(len(logged), 10)

        self.clock.advance(0.5)
        self.assertIn("(990 others since the last line)", self.reasons(bearer("x")))


class ArgumentTests(SynchronousTestCase):
    """
    Arguments that are wrong.
    """

    CASES: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({}, TypeError, "no key is given: give one of key, key_file, jwks_file or jwks_url"),
        ({"key": SECRET, "key_file": "x"}, TypeError, "key and key_file are given: give one of"),
        ({"key": 7}, TypeError, "key is of type int: give a str"),
        ({"key_file": b"x"}, TypeError, "key_file is of type bytes: give a str"),
        ({"key": "short"}, ValueError, "key: the secret has 5 bytes"),
        ({"key_file": "/none"}, ValueError, "key_file: /none cannot be read: No such file"),
        ({"jwks_file": "/none"}, ValueError, "jwks_file: /none cannot be read: No such file"),
        ({"jwks_url": "ftp://x"}, ValueError, "jwks_url: 'ftp://x' is not the URL"),
        ({"jwks_url": "https://"}, ValueError, "jwks_url: 'https://' is not the URL"),
        ({"jwks_url": "https://[x"}, ValueError, "is not the URL"),
        ({"jwks_url": "https://x/", "algorithms": "HS256"}, ValueError, "HS256 needs a secret"),
        ({"key": SECRET, "algorithms": "none"}, ValueError, "algorithms: 'none' is not an"),
        ({"key": SECRET, "algorithms": []}, ValueError, "algorithms: no algorithm is given"),
        ({"key": SECRET, "algorithms": 7}, TypeError, "algorithms is 7: give a str, or a list"),
        ({"key": SECRET, "audience": [7]}, TypeError, "audience is 7: give a str"),
        ({"key": SECRET, "audience": ""}, ValueError, "audience: it is empty"),
        ({"key": SECRET, "issuer": ["x"]}, TypeError, "issuer is ['x']: give a str"),
        ({"key": SECRET, "cookie": "a b"}, ValueError, "cookie: 'a b' is not the name"),
        ({"key": SECRET, "query": "yes"}, TypeError, "query is 'yes': give True or False"),
        ({"key": SECRET, "anonymous": 1}, TypeError, "anonymous is 1: give True or False"),
        ({"key": SECRET, "leeway": -1}, ValueError, "leeway is -1: give seconds, at least 0"),
        ({"key": SECRET, "protocols": "mercure"}, ValueError, "protocols is 'mercure': give"),
        ({"key": SECRET, "protocols": []}, ValueError, "protocols is empty"),
        ({"key": SECRET, "hub_url": "hub"}, ValueError, "hub_url is 'hub': give a URL"),
        ({"key": SECRET, "reactor": 7}, TypeError, "reactor is 7"),
        ({"key": SECRET, "keyfile": "x"}, TypeError, "no argument keyfile: did you mean key_file?"),
    ]

    def test_arguments(self) -> None:
        """
        A wrong argument is refused in a sentence that names it.
        """
        for options, kind, sentence in self.CASES:
            with self.subTest(options=options):
                with self.assertRaises(kind) as caught:
                    JWT(**options)
                self.assertIn(sentence, str(caught.exception))

    def test_embedded(self) -> None:
        """
        The same object authorizes the resources of an embedded hub.
        """
        served = Served()
        hub = Hub(reactor=served.clock)
        jwt = JWT(key=SECRET, reactor=served.clock)
        served.serve(hub.publishing(jwt, CORS()))
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for headers, status in (({}, 401), (bearer(signed(ADA)), 200)):
            caller = served.call("POST", "/", {**form, **headers}, b"topic=a&data=x")
            self.assertEqual(caller.answer.status, status)
        served.serve(hub.resource(jwt))
        self.assertEqual(served.get("/?topic=a").status, 401)
        self.assertEqual(served.get("/?topic=a", bearer(signed(ADA))).status, 200)
