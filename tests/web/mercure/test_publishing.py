"""
Publishing to a hub that speaks Mercure, and what its refusals say.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Answer
from tests.web.mercure.served import FORM, GRANTS, HUB, ServedMercure, as_user
from twisted_sse.web.cors import CORS

__all__ = ["AnswerTests", "GrantTests", "OriginTests"]

METADATA = 'resource_metadata="http://hub.example/.well-known/oauth-protected-resource' + HUB + '"'


def publish(served: ServedMercure, headers: Mapping[str, str], *fields: tuple[str, str]) -> Answer:
    """
    Publish a form of *fields*, by default to the topic ``books/1``.
    """
    body = urlencode(fields or [("topic", "books/1"), ("data", "x")]).encode("ascii")
    return served.call("POST", HUB, {**FORM, **headers}, body).answer


class AnswerTests(SynchronousTestCase):
    """
    What a publisher is answered.
    """

    def test_published(self) -> None:
        """
        The answer is the ID as plain text, and subscribers get the event.
        """
        served = ServedMercure()
        stream = served.subscribe("match=books/1")
        answer = publish(served, as_user("all"))

        event = stream.answer.events[-1]
        self.assertEqual((answer.status, answer.body.decode()), (200, event.id))
        self.assertEqual(answer.header("Content-Type"), "text/plain; charset=utf-8")
        self.assertEqual(event.data, "x")

    def test_own_id(self) -> None:
        """
        The publisher may choose the ID.
        """
        answer = publish(ServedMercure(), as_user("all"), ("topic", "a"), ("id", "urn:1"))

        self.assertEqual(answer.body, b"urn:1")

    def test_refused(self) -> None:
        """
        A form that breaks a rule is refused, and nothing is published.
        """
        cases = [
            (400, ("data", "x")),
            (400, ("topic", "*")),
            (400, ("topic", f"{HUB}/subscriptions/x")),
            (413, ("topic", "x" * 4097)),
        ]
        for status, field in cases:
            with self.subTest(status=status, field=field[0]):
                served = ServedMercure()
                answer = publish(served, as_user("all"), field)

                self.assertEqual(answer.status, status)
                self.assertEqual(answer.header("Publication-Kept"), "no")
                self.assertEqual(served.kept(), [])

    def test_media_type(self) -> None:
        """
        Only forms are taken.
        """
        for kind in ("application/json", "multipart/form-data; boundary=x", ""):
            with self.subTest(kind=kind):
                answer = publish(ServedMercure(), as_user("all", {"Content-Type": kind}))

                self.assertEqual(answer.status, 415)
                self.assertEqual(answer.header("Accept"), FORM["Content-Type"])

    def test_too_large(self) -> None:
        """
        A body beyond the limit is answered with 413.
        """
        fields = ("topic", "a"), ("data", "x" * (1024 * 1024))

        self.assertEqual(publish(ServedMercure(), as_user("all"), *fields).status, 413)


class GrantTests(SynchronousTestCase):
    """
    Who may publish what.
    """

    def test_covered(self) -> None:
        """
        The grant must cover every topic.
        """
        covered = [("topic", "books/1"), ("topic", "books/2")]
        beyond = [*covered, ("topic", "news")]

        self.assertEqual(publish(ServedMercure(), as_user("books"), *covered).status, 200)
        self.assertEqual(publish(ServedMercure(), as_user("books"), *beyond).status, 403)

    def test_challenges(self) -> None:
        """
        Each refusal says by its challenge what is wrong, and where the metadata is.
        """
        cases: list[tuple[Mapping[str, str], int, str]] = [
            ({}, 401, f"Bearer {METADATA}"),
            (as_user("unknown"), 401, f'Bearer error="invalid_token", {METADATA}'),
            (as_user("reader"), 403, f'Bearer error="insufficient_scope", {METADATA}'),
        ]
        for headers, status, challenge in cases:
            with self.subTest(status=status, headers=headers):
                answer = publish(ServedMercure(), headers)

                self.assertEqual(answer.status, status)
                self.assertEqual(answer.header("WWW-Authenticate"), challenge)

    def test_old_version(self) -> None:
        """
        Version 0.x has no metadata.
        """
        answer = publish(ServedMercure(protocols=["mercure-0.x"]), {})

        self.assertEqual(answer.header("WWW-Authenticate"), "Bearer")

    def test_hostile_host(self) -> None:
        """
        A host that could not be quoted is not repeated.
        """
        served = ServedMercure()
        caller = served.call("GET", "/healthz")
        caller.send(b'POST %s HTTP/1.1\r\nHost: a"b\r\nContent-Length: 0\r\n\r\n' % HUB.encode())
        served.clock.advance(0)
        received = caller.transport.value().rpartition(b"HTTP/1.1 ")[2]

        self.assertNotIn(b'a"b', received)
        self.assertIn(received[:3], (b"400", b"401"))


class OriginTests(SynchronousTestCase):
    """
    Publications that a page makes with its visitor's cookie.
    """

    def _served(self) -> ServedMercure:
        served = ServedMercure()
        options = {
            "cors": CORS(["https://app.example"]),
            "authorize": lambda request: GRANTS[b"all"],
        }
        served.serve(served.hub.mercure(**options))
        return served

    def _publish(self, headers: Mapping[str, str]) -> Answer:
        body = b"topic=a&data=x"
        return self._served().call("POST", "/", {**FORM, "Cookie": "a=b", **headers}, body).answer

    def test_allowed(self) -> None:
        """
        A page of a listed origin may publish.
        """
        self.assertEqual(self._publish({"Origin": "https://app.example"}).status, 200)

    def test_refused(self) -> None:
        """
        Any other page, and one that does not say its origin, is answered with 400.
        """
        for headers in ({"Origin": "https://evil.example"}, {}, {"Origin": "null"}):
            with self.subTest(headers=headers):
                answer = self._publish(headers)

                self.assertEqual(answer.status, 400)
                challenge = str(answer.header("WWW-Authenticate"))
                self.assertTrue(challenge.startswith('Bearer error="invalid_request"'))
