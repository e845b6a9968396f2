"""
What a grant allows.
"""

import math
from datetime import UTC, datetime, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import InvalidSelector, Unauthorized
from twisted_sse.topics import Interest, Selection


class ReadingTests(SynchronousTestCase):
    """
    Which topics may be read.
    """

    CASES = [
        (Grant(), ["a"], False),
        (Grant(), ["*"], False),
        (Grant(public=True), ["a"], True),
        (Grant(public=True), ["*"], True),
        (Grant(subscribe=["a"]), ["a"], True),
        (Grant(subscribe=["a"]), ["b"], False),
        (Grant(subscribe=["a"]), ["a", "b"], True),
        (Grant(subscribe=["a/{x}"]), ["a/1"], True),
        (Grant(subscribe=["a/{x}"]), ["b/1"], False),
        (Grant(subscribe=["*"]), ["a"], True),
        # Patterns may select a topic that is granted.
        (Grant(subscribe=["a"]), ["*"], True),
        (Grant(subscribe=["a"]), ["{x}"], True),
        (Grant(subscribe=["a"]), ["b/{x}", "c"], True),
        (Grant(publish=["a"]), ["a"], False),
        (ANONYMOUS, ["a"], True),
    ]

    def test_may_read(self) -> None:
        """
        A selection is refused only if it could never receive anything.
        """
        for grant, wanted, expected in self.CASES:
            with self.subTest(wanted=wanted, expected=expected):
                self.assertIs(grant.may_read(Selection.of(wanted)), expected)

    def test_interest(self) -> None:
        """
        The interest is the selection, limited by the grant.
        """
        wanted = Selection.of(["a", "b"])
        interest = Grant(subscribe=["a"], public=False).interest(wanted)

        self.assertEqual(interest, Interest(wanted, Selection.of(["a"]), False))
        self.assertTrue(interest.matches(("a",), True))
        self.assertFalse(interest.matches(("b",), False))

    def test_public(self) -> None:
        """
        Public events need no `subscribe`, private ones do.
        """
        interest = Grant(subscribe=["a"], public=True).interest(Selection.of(["*"]))

        self.assertTrue(interest.matches(("b",), False))
        self.assertTrue(interest.matches(("a",), True))
        self.assertFalse(interest.matches(("b",), True))

    def test_anonymous(self) -> None:
        """
        An anonymous subscriber reads public events and no private ones.
        """
        interest = ANONYMOUS.interest(Selection.of(["*"]))

        self.assertTrue(interest.matches(("a",), False))
        self.assertFalse(interest.matches(("a",), True))


class PublishingTests(SynchronousTestCase):
    """
    Which topics may be published to.
    """

    CASES = [
        (Grant(), ["a"], False),
        (Grant(subscribe=["*"], public=True), ["a"], False),
        (Grant(publish=["a"]), ["a"], True),
        (Grant(publish=["a"]), ["b"], False),
        (Grant(publish=["a"]), ["a", "b"], False),
        (Grant(publish=["a", "b"]), ["a", "b"], True),
        (Grant(publish=["a/{x}"]), ["a/1", "a/2"], True),
        (Grant(publish=["a/{x}"]), ["a/1", "a/1/2"], False),
        (Grant(publish=["*"]), ["a", "b/c"], True),
        (ANONYMOUS, ["a"], False),
    ]

    def test_may_publish(self) -> None:
        """
        Every topic has to be granted.
        """
        for grant, topics, expected in self.CASES:
            with self.subTest(topics=topics, expected=expected):
                self.assertIs(grant.may_publish(topics), expected)


class ExpiresTests(SynchronousTestCase):
    """
    When a grant expires.
    """

    def test_units(self) -> None:
        """
        `expires` is seconds since 1970 or a datetime with a time zone.
        """
        east = timezone(timedelta(hours=2))
        for expires in (86400, 86400.0, datetime(1970, 1, 2, tzinfo=UTC)):
            with self.subTest(expires=expires):
                self.assertEqual(Grant(expires=expires).expires, 86400.0)
        self.assertEqual(Grant(expires=datetime(1970, 1, 2, 2, tzinfo=east)).expires, 86400.0)
        self.assertIsNone(Grant().expires)

    def test_invalid_time(self) -> None:
        """
        An ambiguous or infinite time is refused, and the error says what to use instead.
        """
        with self.assertRaisesRegex(ValueError, r"no time zone: .*datetime\.now\(UTC\)"):
            Grant(expires=datetime(2030, 1, 1))
        for expires in (math.inf, -math.inf, math.nan):
            with self.subTest(expires=expires), self.assertRaisesRegex(ValueError, "use None"):
                Grant(expires=expires)

    def test_check_time(self) -> None:
        """
        A grant has expired from its `expires` on, and not before.
        """
        grant = Grant(expires=10)
        grant.check_time(9.9)
        Grant().check_time(1e12)

        with self.assertRaisesRegex(Unauthorized, "has expired"):
            grant.check_time(10.0)


class MakingTests(SynchronousTestCase):
    """
    How a grant is made.
    """

    def test_defaults(self) -> None:
        """
        A grant without arguments allows nothing and has no user.
        """
        grant = Grant()

        self.assertIsNone(grant.user)
        self.assertIsNone(grant.subscribe)
        self.assertIsNone(grant.publish)
        self.assertFalse(grant.public)

    def test_user(self) -> None:
        """
        It has the user's name.
        """
        self.assertEqual(Grant("ada").user, "ada")

    def test_state(self) -> None:
        """
        The initial state of connections is copied.
        """
        given = {"name": "Ada"}
        grant = Grant("ada", state=given)
        given["name"] = "Eve"

        self.assertEqual(grant.state, {"name": "Ada"})
        self.assertIsNone(Grant("ada").state)

    def test_equal(self) -> None:
        """
        Grants with the same contents are equal, however they were made.
        """
        one = Grant("ada", subscribe=["a", "b"], expires=5, state={"x": 1})
        other = Grant("ada", subscribe=("b", "a"), expires=5.0, state={"x": 1})

        self.assertEqual(one, other)
        self.assertEqual(hash(one), hash(other))
        self.assertNotEqual(one, Grant("ada", subscribe=["a", "b"], expires=5))
        self.assertNotEqual(one, Grant("ada", subscribe=["a"], expires=5, state={"x": 1}))
        self.assertNotEqual(one, "ada")

    def test_repr(self) -> None:
        """
        Its repr omits the state, which belongs to the application.
        """
        text = repr(Grant("ada", public=True, state={"password": "s3cret"}))

        self.assertIn("user='ada'", text)
        self.assertIn("public=True", text)
        self.assertNotIn("s3cret", text)

    def test_any_iterable(self) -> None:
        """
        Selectors may come from any iterable, read once.
        """
        grant = Grant(subscribe=iter(["a", "b"]), publish={"c": 1})

        self.assertEqual(grant.subscribe, Selection.of(["a", "b"]))
        self.assertEqual(grant.publish, Selection.of(["c"]))

    def test_one_string(self) -> None:
        """
        A string is one selector: it is not split into letters, and a star inside it is literal.
        """
        grant = Grant(subscribe="news", publish="2*3")

        self.assertEqual(grant.subscribe, Selection.of(["news"]))
        self.assertEqual(grant.publish, Selection.of(["2*3"]))
        self.assertFalse(grant.may_publish(["anything"]))

    def test_bad_selector(self) -> None:
        """
        A malformed selector is refused when the grant is made.
        """
        for selectors in (["{"], [""], ["a", "{x"]):
            with self.subTest(selectors=selectors):
                with self.assertRaises(InvalidSelector):
                    Grant(subscribe=selectors)
                with self.assertRaises(InvalidSelector):
                    Grant(publish=selectors)
