"""
Matchers: a text with the type that says how it is meant.
"""

from time import process_time

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidSelector
from twisted_sse.topics import Everything, Exact, Matcher, Selection, URLPattern

__all__ = ["MatcherTests", "RequestedTests"]


class MatcherTests(SynchronousTestCase):
    """
    What a matcher parses to.
    """

    def test_exact(self) -> None:
        """
        An exact matcher selects its text byte for byte, even if it has braces.
        """
        for text in ("a", "{a", "/books/{id}", "/books/:id", "e\u0301"):
            with self.subTest(text=text):
                self.assertEqual(Matcher("exact", text).parse(), Exact(text))

    def test_pattern(self) -> None:
        """
        A URL Pattern keeps the base that its paths belong to.
        """
        base = "https://hub.example/"
        parsed = Matcher("urlpattern", "/books/:id", base).parse()

        self.assertEqual(parsed, URLPattern("/books/:id", base))
        self.assertTrue(parsed.matches("https://hub.example/books/1"))

    def test_everything(self) -> None:
        """
        A star selects every topic, whatever the type.
        """
        self.assertEqual(Matcher("exact", "*").parse(), Everything())
        self.assertEqual(Matcher("urlpattern", "*").parse(), Everything())

    def test_refused(self) -> None:
        """
        A text that breaks the rules of selectors is refused with either type.
        """
        cases = [
            (Matcher("exact", ""), "empty"),
            (Matcher("exact", "a\x00"), "U+0000"),
            (Matcher("exact", "a\u200d"), "U+200D"),
            (Matcher("urlpattern", "/a\x7f"), "U+007F"),
            (Matcher("urlpattern", "/" + "a" * 4096), "4097 bytes"),
            (Matcher("urlpattern", "/(a+)+"), "not supported here"),
        ]
        for matcher, sentence in cases:
            with self.subTest(matcher=matcher):
                error = self.assertRaises(InvalidSelector, matcher.parse)

                self.assertIn(sentence, str(error))


class RequestedTests(SynchronousTestCase):
    """
    The bounds of one request hold for matchers too.
    """

    def test_selection(self) -> None:
        """
        Texts and matchers are selectors of one selection.
        """
        asked = ["a", Matcher("exact", "{b}"), Matcher("urlpattern", "/c/:d")]

        self.assertEqual(
            Selection.requested(asked), Selection.of(["a", Exact("{b}"), URLPattern("/c/:d")])
        )

    def test_size(self) -> None:
        """
        The sizes of all matchers count together.
        """
        asked = [Matcher("exact", str(number) + "x" * 4000) for number in range(20)]

        error = self.assertRaises(InvalidSelector, Selection.requested, asked)
        self.assertIn("too long", str(error))

    def test_cost(self) -> None:
        """
        Patterns that are too complex together are refused.
        """
        asked = [Matcher("urlpattern", f"/{number}" + "/:a/b" * 40) for number in range(100)]

        error = self.assertRaises(InvalidSelector, Selection.requested, asked)
        self.assertIn("too complex", str(error))

    def test_hostile(self) -> None:
        """
        Hostile patterns are refused or parsed, and cost less than a millisecond each.
        """
        pieces = ["/:a", "{/:a", "*", "{", "}?", "\\", ":", "/%2e%2e", "{/a}?" * 8, "ä" * 40]
        texts = [
            "/" + (pieces[number % 10] + pieces[number // 10 % 10]) * (1 + number % 90)
            for number in range(1000)
        ]
        began = process_time()
        parsed = sum(_is_pattern(text) for text in texts)
        spent = process_time() - began

        self.assertTrue(0 < parsed < 1000)
        self.assertLess(spent / len(texts), 0.001)


def _is_pattern(text: str) -> bool:
    try:
        selection = Selection.requested([Matcher("urlpattern", text)])
    except InvalidSelector:
        return False
    selection.matches((text[:4000],))
    return True
