"""
Selectors, selections and interests.
"""

import pickle
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.topics.bad_texts import BAD_TEXTS
from tests.topics.instructions import instructions
from twisted_sse.errors import InvalidSelector
from twisted_sse.topics import (
    MAX_REQUEST_SIZE,
    Everything,
    Exact,
    Interest,
    Selection,
    Selector,
    URITemplate,
    URLPattern,
    parse_selector,
)

__all__ = ["InterestTests", "ReplayTests", "RequestTests", "SelectionTests", "SelectorTests"]

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

    def test_texts(self) -> None:
        """
        A selection can be iterated over and printed: its selectors, sorted, without duplicates.
        """
        selection = Selection.of(["b", "{x}", "a", URLPattern("/:a"), "b"])

        self.assertEqual(list(selection), ["/:a", "a", "b", "{x}"])
        self.assertEqual(str(selection), "/:a, a, b, {x}")
        self.assertEqual(str(Selection.of(["a", "*"])), "*")
        self.assertEqual(
            Selection.of(Selection.of(["b", "a", "{x}"])), Selection.of(["{x}", "a", "b"])
        )

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


class RequestTests(SynchronousTestCase):
    """
    What a client may ask for is bounded.
    """

    def test_parsed(self) -> None:
        """
        A request's texts are parsed like any others.
        """
        self.assertEqual(Selection.requested(["a", "{x}"]), Selection.of(["{x}", "a"]))
        self.assertRaises(InvalidSelector, Selection.requested, [])
        self.assertRaises(InvalidSelector, Selection.requested, ["a", "{"])

    def test_size(self) -> None:
        """
        All texts together have at most 64 KiB of UTF-8.
        """
        self.assertEqual(MAX_REQUEST_SIZE, 65536)
        texts = [f"{number:04}" + "a" * 4092 for number in range(15)]
        largest = [*texts, "é" * 2048]
        Selection.requested(largest)

        for more in ([*largest, "a"], [*texts, "é" * 2048, "b"], ["a"] * 65537):
            with self.assertRaises(InvalidSelector) as caught:
                Selection.requested(more)

            self.assertEqual(
                str(caught.exception),
                "The selectors are too long: use at most 65536 bytes of UTF-8 in all.",
            )

    def test_cost(self) -> None:
        """
        All texts together have a bounded number of characters and variables.
        """
        for texts in (
            [f"{{a:990}}{number}" for number in range(33)],
            ["{/a}" * 60 + str(number) for number in range(55)],
            [f"{{a}}{number:03}" + "b" * 900 for number in range(36)],
        ):
            with self.subTest(texts=texts[0]):
                Selection.requested([*texts[:-1], texts[0], "c"])
                with self.assertRaises(InvalidSelector) as caught:
                    Selection.requested(texts)

                self.assertIn("too complex together", str(caught.exception))

    def test_surrogate(self) -> None:
        """
        A lone surrogate is refused by the rules of selectors.
        """
        with self.assertRaises(InvalidSelector) as caught:
            Selection.requested(["a\ud800"])

        self.assertIn("lone surrogate", str(caught.exception))

    def test_weight(self) -> None:
        """
        The weight of a selection is about the memory that it takes.
        """
        for texts in (["a"], ["{+a}" * 60], [f"{number}{{x}}" + "é" * 400 for number in range(90)]):
            with self.subTest(texts=texts[0]):
                # The first one makes classes of characters that all share.
                selection = Selection.of(map(URITemplate, texts))
                # Other threads of the process may allocate meanwhile, so the smallest counts.
                taken = min(_taken(texts) for _ in range(5))

                self.assertLess(taken, 1.3 * selection.weight)
                self.assertLess(selection.weight, 3 * taken)


def _taken(texts: list[str]) -> int:
    """
    Returns how many bytes a new selection of the selectors takes, those of its texts included.
    """
    tracemalloc.start()
    try:
        copies = [str(text.encode(), "utf-8") for text in texts]
        selection = Selection.of(map(URITemplate, copies))
        del copies
        taken, _ = tracemalloc.get_traced_memory()
        del selection
        return taken
    finally:
        tracemalloc.stop()


class ReplayTests(SynchronousTestCase):
    """
    A selection is matched against many publications, one after the other.
    """

    def test_many_selectors(self) -> None:
        """
        A hundred templates cost less than three times what one does.
        """
        texts = [f"https://example.com/users/{{id}}/room/{number}" for number in range(100)]
        topics = ["https://example.com/users/7/room/x"]
        one, many = Selection.of(texts[:1]), Selection.of(texts)
        for selection in (one, many):
            selection.matches(topics)

        alone = instructions(lambda: one.matches(topics))
        self.assertLess(instructions(lambda: many.matches(topics)), 3 * alone)

    def test_long_topics(self) -> None:
        """
        Topics and selectors that are too long to be remembered are checked and matched as well.
        """
        for topic in ("a" * 4000, "/" + "b" * 4000):
            with self.subTest(topic=topic[:2]):
                self.assertTrue(Selection.of([topic[:3000] + "{x}"]).matches([topic]))
                self.assertEqual(
                    Selection.of([URLPattern("/:x")]).matches([topic]), topic[0] == "/"
                )

    def test_threads(self) -> None:
        """
        A selection may be matched in several threads at once.
        """
        selection = Selection.of([f"/{{a}}/{number}{{+b}}" for number in range(50)])
        topics = [f"/{number}/{number * 7 % 90}{chr(0x100 + number)}!" for number in range(900)]
        expected = [selection.matches([topic]) for topic in topics]
        with ThreadPoolExecutor(4) as threads:
            results = threads.map(
                lambda start: [
                    selection.matches([topic]) for topic in topics[start:] + topics[:start]
                ],
                range(0, 900, 50),
            )
            for start, found in zip(range(0, 900, 50), results, strict=True):
                self.assertEqual(found, expected[start:] + expected[:start])


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
