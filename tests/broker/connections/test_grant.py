"""
What a request is allowed.
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
        Refused as a whole is only who could never get anything.
        """
        for grant, wanted, expected in self.CASES:
            with self.subTest(wanted=wanted, expected=expected):
                self.assertIs(grant.may_read(Selection.of(wanted)), expected)

    def test_interest(self) -> None:
        """
        The interest is what is wanted, bounded by what is granted.
        """
        wanted = Selection.of(["a", "b"])
        interest = Grant(subscribe=["a"], public=False).interest(wanted)

        self.assertEqual(interest, Interest(wanted, Selection.of(["a"]), False))
        self.assertTrue(interest.matches(("a",), True))
        self.assertFalse(interest.matches(("b",), False))

    def test_public(self) -> None:
        """
        What is public needs no grant, what is private does.
        """
        interest = Grant(subscribe=["a"], public=True).interest(Selection.of(["*"]))

        self.assertTrue(interest.matches(("b",), False))
        self.assertTrue(interest.matches(("a",), True))
        self.assertFalse(interest.matches(("b",), True))

    def test_anonymous(self) -> None:
        """
        Who is not known reads what is public and nothing that is private.
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
        Every one of the topics has to be granted.
        """
        for grant, topics, expected in self.CASES:
            with self.subTest(topics=topics, expected=expected):
                self.assertIs(grant.may_publish(topics), expected)


class ExpiresTests(SynchronousTestCase):
    """
    When a grant is over.
    """

    def test_units(self) -> None:
        """
        Seconds since 1970, or a time with a zone: the same moment.
        """
        east = timezone(timedelta(hours=2))
        for expires in (86400, 86400.0, datetime(1970, 1, 2, tzinfo=UTC)):
            with self.subTest(expires=expires):
                self.assertEqual(Grant(expires=expires).expires, 86400.0)
        self.assertEqual(Grant(expires=datetime(1970, 1, 2, 2, tzinfo=east)).expires, 86400.0)
        self.assertIsNone(Grant().expires)

    def test_no_point_in_time(self) -> None:
        """
        What could mean several moments, or none, is refused with what to do instead.
        """
        with self.assertRaisesRegex(ValueError, r"no time zone: .*datetime\.now\(UTC\)"):
            Grant(expires=datetime(2030, 1, 1))
        for expires in (math.inf, -math.inf, math.nan):
            with self.subTest(expires=expires), self.assertRaisesRegex(ValueError, "use None"):
                Grant(expires=expires)

    def test_check_time(self) -> None:
        """
        From the moment on that it names it is over, and before it is not.
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
        A grant that says nothing allows nothing, to nobody in particular.
        """
        grant = Grant()

        self.assertIsNone(grant.user)
        self.assertIsNone(grant.subscribe)
        self.assertIsNone(grant.publish)
        self.assertFalse(grant.public)

    def test_user(self) -> None:
        """
        It carries the user's name.
        """
        self.assertEqual(Grant("ada").user, "ada")

    def test_state(self) -> None:
        """
        What connections begin with is copied.
        """
        given = {"name": "Ada"}
        grant = Grant("ada", state=given)
        given["name"] = "Eve"

        self.assertEqual(grant.state, {"name": "Ada"})
        self.assertIsNone(Grant("ada").state)

    def test_equal(self) -> None:
        """
        Grants that say the same are equal, however they were made.
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
        It can be logged, without what the application has put into the state.
        """
        text = repr(Grant("ada", public=True, state={"password": "s3cret"}))

        self.assertIn("user='ada'", text)
        self.assertIn("public=True", text)
        self.assertNotIn("s3cret", text)

    def test_any_iterable(self) -> None:
        """
        The selectors may come from anywhere, once.
        """
        grant = Grant(subscribe=iter(["a", "b"]), publish={"c": 1})

        self.assertEqual(grant.subscribe, Selection.of(["a", "b"]))
        self.assertEqual(grant.publish, Selection.of(["c"]))

    def test_one_string(self) -> None:
        """
        A string is one selector, as everywhere: its letters are none, and a star in it is none.
        """
        grant = Grant(subscribe="news", publish="2*3")

        self.assertEqual(grant.subscribe, Selection.of(["news"]))
        self.assertEqual(grant.publish, Selection.of(["2*3"]))
        self.assertFalse(grant.may_publish(["anything"]))

    def test_bad_selector(self) -> None:
        """
        A selector that cannot be understood is found at once.
        """
        for selectors in (["{"], [""], ["a", "{x"]):
            with self.subTest(selectors=selectors):
                with self.assertRaises(InvalidSelector):
                    Grant(subscribe=selectors)
                with self.assertRaises(InvalidSelector):
                    Grant(publish=selectors)
