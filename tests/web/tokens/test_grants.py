"""
What tokens grant: the claims of Mercure 0.x and of Mercure 1.0.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.tokens import DETAIL, detail
from twisted_sse import Grant
from twisted_sse.topics import Exact, URITemplate, URLPattern
from twisted_sse.web.tokens.claims import Granted
from twisted_sse.web.tokens.mercure0 import read_mercure_claim
from twisted_sse.web.tokens.mercure1 import read_authorization_details
from twisted_sse.web.tokens.refusal import TokenRefused

__all__ = ["Mercure0Tests", "Mercure1Tests", "PayloadTests"]

BASE = "https://hub.example/.well-known/mercure"


def grant_of(granted: Granted) -> Grant:
    """
    Make a grant.
    """
    return Grant(subscribe=granted.subscribe, publish=granted.publish, payloads=granted.payloads)


def old(claim: Any, name: str = "mercure") -> Grant:
    """
    Read a claim of Mercure 0.x.
    """
    return grant_of(read_mercure_claim({name: claim}))


def new(*details: Any) -> Grant:
    """
    Read details of Mercure 1.0.
    """
    return grant_of(read_authorization_details({"authorization_details": list(details)}, BASE))


class Mercure0Tests(SynchronousTestCase):
    """
    The claim ``mercure``.
    """

    def test_topics(self) -> None:
        """
        The lists have names, URI templates, and ``*`` for everything.
        """
        grant = old({"publish": ["*"], "subscribe": ["a", "b/{x}"]})

        self.assertEqual(grant.publish, Grant(publish=["*"]).publish)
        self.assertEqual(
            grant.subscribe, Grant(subscribe=[Exact("a"), URITemplate("b/{x}")]).subscribe
        )

    def test_namespaced(self) -> None:
        """
        The claim may have a URL as its name, but not both names.
        """
        self.assertTrue(old({"publish": ["a"]}, "https://mercure.rocks/").may_publish(["a"]))
        with self.assertRaises(TokenRefused):
            read_mercure_claim({"mercure": {}, "https://mercure.rocks/": {}})

    def test_nothing(self) -> None:
        """
        A claim that is missing, or whose lists are, grants nothing.
        """
        for claims in ({}, {"mercure": {}}, {"mercure": {"publish": [], "subscribe": None}}):
            with self.subTest(claims=claims):
                self.assertEqual(grant_of(read_mercure_claim(claims)), Grant())

    def test_malformed(self) -> None:
        """
        A claim that is malformed in any part grants nothing at all.
        """
        for claim, reason in (
            (None, "mercure is None, not an object"),
            (["*"], "mercure is ['*'], not an object"),
            ({"publish": "*"}, "mercure.publish is '*', not a list"),
            ({"publish": ["*"], "subscribe": {}}, "mercure.subscribe is {}, not a list"),
            ({"subscribe": ["a", 7]}, "mercure.subscribe has 7, not a text"),
            ({"subscribe": ["a", ""]}, "mercure.subscribe has '', which is not a selector"),
            ({"subscribe": ["{"]}, "mercure.subscribe has '{', which is not a selector"),
            ({"subscribe": ["a\x00"]}, "which is not a selector"),
            ({"subscribe": ["\ud800"]}, "which is not a selector"),
            ({"subscribe": [f"{{a{n}:999}}" for n in range(40)]}, "is too complex"),
        ):
            with self.subTest(reason=reason):
                with self.assertRaises(TokenRefused) as caught:
                    old(claim)
                self.assertIn(reason, caught.exception.reason)


class Mercure1Tests(SynchronousTestCase):
    """
    The claim ``authorization_details``.
    """

    def test_actions(self) -> None:
        """
        Each detail grants its actions on its topics; actions that are not known are ignored.
        """
        grant = new(
            detail("a", actions=["publish"]),
            detail("b", actions=["subscribe", "publish"]),
            detail("c", actions=["subscribe", "delete"]),
            detail("d", actions=["delete"]),
        )

        self.assertEqual(grant.publish, Grant(publish=["a", "b"]).publish)
        self.assertEqual(grant.subscribe, Grant(subscribe=["b", "c"]).subscribe)

    def test_exact(self) -> None:
        """
        A topic is compared byte for byte; a template or a pattern is a name like others.
        """
        grant = new(detail("a/{x}", {"match": "/b/:x", "match_type": "exact"}))

        self.assertTrue(grant.subscribe and grant.subscribe.matches(["a/{x}"]))
        self.assertTrue(grant.subscribe and grant.subscribe.matches(["/b/:x"]))
        self.assertFalse(grant.subscribe and grant.subscribe.matches(["a/1", "/b/1"]))

    def test_pattern(self) -> None:
        """
        A URL pattern matches URLs, and a relative one those of the hub.
        """
        grant = new(
            detail(
                {"match": "https://example.com/books/:id", "match_type": "urlpattern"},
                {"match": "/users/:id", "match_type": "urlpattern"},
            )
        )

        self.assertEqual(
            grant.subscribe,
            Grant(
                subscribe=[
                    URLPattern("https://example.com/books/:id", BASE),
                    URLPattern("/users/:id", BASE),
                ]
            ).subscribe,
        )
        for topic, expected in (
            ("https://example.com/books/1", True),
            ("https://hub.example/users/1", True),
            ("/users/1", True),
            ("https://example.com/users/1", False),
        ):
            with self.subTest(topic=topic):
                self.assertIs(grant.subscribe and grant.subscribe.matches([topic]), expected)

    def test_everything(self) -> None:
        """
        ``*`` is everything, for either type.
        """
        for topic in ("*", {"match": "*", "match_type": "urlpattern"}):
            with self.subTest(topic=topic):
                self.assertEqual(new(detail(topic)).subscribe, Grant(subscribe=["*"]).subscribe)

    def test_other_types(self) -> None:
        """
        Details of other types are for others, whatever they contain.
        """
        other = {"type": "payment", "actions": 7, "topics": None}

        self.assertEqual(new(other, detail("a")).subscribe, Grant(subscribe=["a"]).subscribe)
        self.assertEqual(grant_of(read_authorization_details({}, BASE)), Grant())

    def test_malformed(self) -> None:
        """
        One detail that is malformed makes the whole token invalid.
        """
        good = detail("good")
        claim = "authorization_details"
        for bad, reason in (
            ("x", f"{claim}[1] is 'x', not an object"),
            ({}, f"{claim}[1] has no type"),
            ({"type": 7}, f"{claim}[1] has no type"),
            ({"type": DETAIL}, f"{claim}[1] has no actions"),
            (detail("a", actions=[]), f"{claim}[1] has no actions"),
            ({**detail("a"), "actions": "publish"}, f"{claim}[1] has no actions"),
            (detail("a", actions=["publish", 7]), f"{claim}[1] has the action 7"),
            (detail(), f"{claim}[1] has no topics"),
            ({**detail("a"), "topics": "a"}, f"{claim}[1] has no topics"),
            ({**detail("a"), "topics": ["a"]}, f"{claim}[1].topics[0] is 'a', not an object"),
            (detail("a", {}), f"{claim}[1].topics[1] has no match"),
            (detail({"match": 7}), f"{claim}[1].topics[0] has 7, not a text"),
            (detail({"match": ""}), f"{claim}[1].topics[0] has '', which is not a selector"),
            (detail({"match": "a\u200b"}), "which is not a selector"),
            (detail({"match": "a", "match_type": "Exact"}), "the match_type 'Exact'"),
            (detail({"match": "a", "match_type": "regexp"}), "the match_type 'regexp'"),
            (detail({"match": "a", "match_type": None}), "the match_type None"),
            (detail({"match": "/(a+)+", "match_type": "urlpattern"}), "which is not a selector"),
        ):
            with self.subTest(reason=reason):
                with self.assertRaises(TokenRefused) as caught:
                    new(good, bad)
                self.assertIn(reason, caught.exception.reason)
        for claims in ({claim: {}}, {claim: "x"}, {claim: None}):
            with self.assertRaises(TokenRefused):
                read_authorization_details(claims, BASE)

    def test_limits(self) -> None:
        """
        A token has at most 100 details, and at most 100 topics in all of them.
        """
        names = [str(number) for number in range(101)]

        new(*(detail(name) for name in names[:100]))
        new(detail(*names[:50]), detail(*names[50:100]))
        for details, reason in (
            ([detail("a")] * 50 + [{"type": "other"}] * 51, "101 details, more than 100"),
            ([detail(*names)], "101 topics, more than 100"),
            ([detail(*names[:50]), detail(*names[50:])], "more than 100 topics"),
        ):
            with self.subTest(reason=reason):
                with self.assertRaises(TokenRefused) as caught:
                    new(*details)
                self.assertIn(reason, caught.exception.reason)


class PayloadTests(SynchronousTestCase):
    """
    What others may be told about subscriptions.
    """

    def test_old(self) -> None:
        """
        Mercure 0.x has one payload for everything.
        """
        grant = old({"subscribe": ["a"], "payload": {"name": "Ada"}})

        self.assertEqual(grant.payload_of("a"), {"name": "Ada"})
        self.assertEqual(grant.payload_of("b/{x}"), {"name": "Ada"})
        self.assertIsNone(old({"subscribe": ["a"]}).payload_of("a"))

    def test_new(self) -> None:
        """
        In Mercure 1.0 the first detail for subscribers counts whose topics match, whether
        it has a payload or not.
        """
        pattern = {"match": "https://example.com/:x", "match_type": "urlpattern"}
        grant = new(
            detail("a", "p", actions=["publish"], payload="of a publisher"),
            detail("a", payload="first"),
            detail("b"),
            detail(pattern, payload=["pattern"]),
            detail("*", payload=0),
        )

        self.assertEqual(grant.payload_of("a"), "first")
        self.assertIsNone(grant.payload_of("b"))
        self.assertEqual(grant.payload_of("https://example.com/1"), ["pattern"])
        self.assertEqual(grant.payload_of("anything"), 0)
        self.assertEqual(grant.payload_of("p"), 0)
