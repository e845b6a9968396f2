"""
Selectors, selections and interests.
"""

import pickle
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.topics.bad_texts import BAD_TEXTS
from twisted_sse.errors import InvalidSelector
from twisted_sse.topics import (
    Everything,
    Exact,
    Interest,
    Selection,
    Selector,
    URITemplate,
    URLPattern,
    parse_selector,
)

__all__ = ["InterestTests", "SelectionTests", "SelectorTests"]

HUB = "https://hub.example/.well-known/mercure"


class SelectorTests(SynchronousTestCase):
    """
    A text becomes a selector.
    """

    def test_kinds(self) -> None:
        """
        `*` is everything, a text with a brace is a template, any other text is a name.
        """
        self.assertEqual(parse_selector("*"), Everything())
        self.assertEqual(parse_selector("/books/{id}"), URITemplate("/books/{id}"))
        self.assertEqual(parse_selector("/books/:id"), Exact("/books/:id"))
        self.assertEqual(parse_selector("/books/*"), Exact("/books/*"))

    def test_matches(self) -> None:
        """
        A name selects itself, byte for byte, and `*` selects every topic.
        """
        self.assertTrue(Exact("é").matches("é"))
        self.assertFalse(Exact("é").matches("e\u0301"))
        self.assertTrue(Everything().matches("anything"))

    def test_refused(self) -> None:
        """
        Selectors obey the rules of topics.
        """
        kinds: list[Callable[[Any], Selector]] = [parse_selector, Exact, URITemplate, URLPattern]
        for text, sentence in BAD_TEXTS:
            for kind in kinds:
                with self.subTest(text=text), self.assertRaises(InvalidSelector) as caught:
                    kind(text)

                self.assertEqual(str(caught.exception), f"The selector {sentence}")

    def test_text(self) -> None:
        """
        Every selector keeps its text.
        """
        for text in ("*", "a", "{a}"):
            with self.subTest(text=text):
                self.assertEqual(parse_selector(text).text, text)


class SelectionTests(SynchronousTestCase):
    """
    Several selectors at once.
    """

    def test_sorted_out(self) -> None:
        """
        Names and patterns are separated, without duplicates.
        """
        selection = Selection.of(["b", "{x}", "a", URLPattern("/:a"), "a", "{x}", Exact("c")])

        self.assertFalse(selection.everything)
        self.assertEqual(selection.exact, {"a", "b", "c"})
        self.assertEqual(selection.patterns, (URITemplate("{x}"), URLPattern("/:a")))

    def test_order(self) -> None:
        """
        The order of the selectors makes no difference.
        """
        selectors: list[str | Selector] = ["a", "b", "{x}", "{y}", URLPattern("/:a")]
        forward, backward = Selection.of(selectors), Selection.of(reversed(selectors))

        self.assertEqual(forward, backward)
        self.assertEqual(hash(forward), hash(backward))

    def test_everything(self) -> None:
        """
        `*` makes the other selectors superfluous.
        """
        self.assertEqual(Selection.of(["a", "*", "{x}"]), Selection.of([Everything()]))
        self.assertTrue(Selection.of(["*"]).everything)
        self.assertTrue(Selection.of(["*"]).matches(["anything"]))

    def test_matches(self) -> None:
        """
        Any selector may match any topic.
        """
        selection = Selection.of(["a", "/books/{id}", URLPattern("/shops/:id")])

        for topics in (["a"], ("x", "a"), ["/books/1"], ["x", "/books/1"], ["/shops/1", "x"]):
            with self.subTest(topics=topics):
                self.assertTrue(selection.matches(topics))
        for topics in (["b"], ["A"], ["/books/1/2", "x"], ["/shops/"]):
            with self.subTest(topics=topics):
                self.assertFalse(selection.matches(topics))

    def test_one(self) -> None:
        """
        A single str is one selector, not its characters.
        """
        self.assertEqual(Selection.of("abc"), Selection.of(["abc"]))

    def test_refused(self) -> None:
        """
        An empty selection is refused, and so is an invalid selector.
        """
        bad: list[list[Any]] = [[], [""], ["a", "{"], ["a", 1], [None], [["a"]]]
        for selectors in bad:
            with self.subTest(selectors=selectors):
                self.assertRaises(InvalidSelector, Selection.of, selectors)

    def test_pickle(self) -> None:
        """
        A selection can be pickled, its patterns included.
        """
        selection = Selection.of(["a", "/books/{id}", URLPattern("/shops/:id", HUB)])
        selection.matches(["/books/1"])
        copy = pickle.loads(pickle.dumps(selection))

        self.assertEqual(copy, selection)
        self.assertTrue(copy.matches(["/books/2"]))


class InterestTests(SynchronousTestCase):
    """
    The publications that a subscriber receives.
    """

    WANTED = Selection.of(["a", "b"])

    def test_public(self) -> None:
        """
        Without a grant, a subscriber receives public publications only.
        """
        interest = Interest(self.WANTED, None, public=True)

        self.assertTrue(interest.matches(["a"], private=False))
        self.assertFalse(interest.matches(["a"], private=True))

    def test_nothing_public(self) -> None:
        """
        Without `public`, every publication needs a grant.
        """
        interest = Interest(self.WANTED, Selection.of(["a"]), public=False)

        self.assertTrue(interest.matches(["a"], private=False))
        self.assertFalse(interest.matches(["b"], private=False))
        self.assertFalse(Interest(self.WANTED, None, False).matches(["a"], private=False))

    def test_private(self) -> None:
        """
        A private publication is for subscribers that want it and may read it.
        """
        interest = Interest(self.WANTED, Selection.of(["a", "c"]), public=True)

        self.assertTrue(interest.matches(["a"], private=True))
        self.assertFalse(interest.matches(["b"], private=True))
        self.assertTrue(interest.matches(["b"], private=False))

    def test_unwanted(self) -> None:
        """
        A publication that is not wanted is not received, whatever the grant.
        """
        interest = Interest(self.WANTED, Selection.of(["*"]), public=True)

        self.assertFalse(interest.matches(["c"], private=False))
        self.assertFalse(interest.matches(["c"], private=True))

    def test_alternates(self) -> None:
        """
        One topic may be wanted and another readable.
        """
        interest = Interest(self.WANTED, Selection.of(["c"]), public=False)

        self.assertTrue(interest.matches(["a", "c"], private=True))

    def test_values(self) -> None:
        """
        Equal interests are equal and hash alike.
        """
        first = Interest(Selection.of(["a", "b"]), Selection.of(["*"]), True)
        second = Interest(Selection.of(["b", "a"]), Selection.of(["*"]), True)

        self.assertEqual(first, second)
        self.assertEqual(len({first, second, Interest(first.wanted, None, True)}), 2)
