"""
What a request is allowed.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidSelector
from twisted_sse.grant import ANONYMOUS, Grant
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
