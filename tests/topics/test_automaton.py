"""
The automaton: the cost of a match, and agreement with the documentation.
"""

import re
import tracemalloc
from collections.abc import Callable
from random import Random

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from tests.topics.instructions import instructions
from tests.topics.languages import PATHS, PATTERNS, TEMPLATES, TOPICS
from twisted_sse.topics import Pattern, URITemplate, URLPattern
from twisted_sse.topics.patternindex import PatternIndex

__all__ = ["AgreementTests", "LinearTests"]


class LinearTests(SynchronousTestCase):
    """
    The cost of a match is linear in the topic, whatever the selector.
    """

    #: Each reads its topic to the end, whose ! is necessary.
    ADVERSARIES: list[tuple[Callable[[], Pattern], str]] = [
        (lambda: URITemplate("{a}{+b}" * 30 + "!"), "a"),
        (lambda: URITemplate("{a}a" * 60 + "!"), "a"),
        (lambda: URITemplate("{+x}" + "{/a}" * 60 + "!"), "/a"),
        (lambda: URITemplate("{+x}" + "{/a*}{.b}{#c}" * 20 + "!"), "/a.b#c"),
        (lambda: URITemplate("{+x}" + "{a:9}" * 60 + "!"), "a%C3%A9"),
        (lambda: URITemplate("{+x}{?" + ",".join("ab" * n for n in range(1, 20)) + "}!"), "?ab=&"),
        (lambda: URITemplate("{+a}aab{+b}aab{+c}!"), "aab"),
        (lambda: URLPattern("/" + "*a" * 60 + "!"), "a"),
        (lambda: URLPattern("/" + ":a-" * 60 + "!"), "a-"),
        (lambda: URLPattern("/*" + "{a}?" * 60 + "!"), "a"),
        (lambda: URLPattern("/*" + "{b*a}?" * 30 + "!"), "ba"),
    ]

    def test_topic(self) -> None:
        """
        A topic twice as long takes at most twice the instructions, with empty caches.
        """
        for make, piece in self.ADVERSARIES:
            selector = make()
            once, twice = "/" + piece * 300 + "!", "/" + piece * 600 + "!"
            if isinstance(selector, URITemplate):
                once, twice = once[1:], twice[1:]
            first, second = _matching(indexed(selector), once), _matching(indexed(selector), twice)

            with self.subTest(selector=selector.text):
                self.assertLess(second, 2.2 * first)
                self.assertGreater(second, first + 3 * 300)

    def test_bound(self) -> None:
        """
        A character takes a bounded number of instructions, even if no step comes twice.
        """
        template = URITemplate("{+x}" + "{/a*}{.b}{#c}" * 20 + "!")
        random = Random(1)
        topic = "".join(random.choice("/.#a%b") for _ in range(1000)).replace("%", "%2F")
        topic += "!"
        characters = len(topic)

        self.assertLess(_matching(indexed(template), topic), 400 * characters)

    def test_memory(self) -> None:
        """
        The steps that a selector remembers are bounded, and it goes on remembering new ones.
        """
        index = indexed(URITemplate("a{x}"))
        tracemalloc.start()
        for number in range(4000):
            list(index.find("a" + chr(0x4E00 + number)))
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        list(index.find("a" * 1000))

        self.assertLess(held, 100_000)
        self.assertLess(_matching(index, "a" * 1000), 20 * 1000)

    def test_remembered(self) -> None:
        """
        A topic that comes again takes a few instructions for each character.
        """
        index = indexed(URITemplate("https://example.com/{a}{/b}{?c}"))
        topic = "https://example.com/" + "a" * 1000
        list(index.find(topic))

        self.assertLess(_matching(index, topic), 20 * 1000)

    def test_ending(self) -> None:
        """
        A topic that does not end like a selector costs the same, however long it is.
        """
        index = indexed(URITemplate("{+a}z{b}end"), URITemplate("{+a}xyz"))
        short, long = ("z1/z2/z3/x/" * times for times in (1, 100))

        self.assertEqual(_matching(index, long), _matching(index, short))
        self.assertEqual(index.find("z1end"), ["{+a}z{b}end"])

    def test_hardly_ever_again(self) -> None:
        """
        When steps hardly ever come again, a step costs less than one that is remembered,
        and the same topics match.
        """
        random = Random(1)
        words = {"".join(random.sample("abcdefghijkl", 5)) for _ in range(200)}
        expressions = {"{+x}" + "{+x}".join(word) + "!": ".*".join(word) + "!$" for word in words}
        index = indexed(*map(URITemplate, expressions))
        topics = ["".join(random.choices("abcdefghijklmnop", k=60)) + "!" for _ in range(50)]
        for topic in topics:
            expected = {one for one, regex in expressions.items() if re.search(regex, topic)}
            self.assertEqual(set(index.find(topic)), expected)

        self.assertLess(_matching(index, topics[0][::-1] + "!"), 100 * len(topics[0]))

    def test_many(self) -> None:
        """
        A thousand hostile templates cost less than a hundred times what one does.
        """
        texts = [f"{{+a}}z{number}{{b}}{{/c}}{{+d}}x{{e:9}}!" for number in range(1000)]
        topic = "z1/z2/z3/x/" * 20 + "!"
        one = _matching(indexed(URITemplate(texts[0])), topic)

        self.assertLess(_matching(indexed(*map(URITemplate, texts)), topic), 100 * one)


def indexed(*patterns: Pattern) -> PatternIndex[str]:
    """
    Make an index of *patterns*, which remembers nothing yet.
    """
    index: PatternIndex[str] = PatternIndex()
    for pattern in patterns:
        index.add(pattern, pattern.text)
    return index


def _matching(index: PatternIndex[str], topic: str) -> int:
    return instructions(lambda: list(index.find(topic)))


class AgreementTests(SynchronousTestCase):
    """
    The automaton and backtracking regular expressions agree about small topics.
    """

    @settings(derandomize=True, max_examples=500, deadline=None)
    @given(TEMPLATES, TOPICS)
    def test_templates(self, parts: list[tuple[str, str]], topic: str) -> None:
        """
        A template selects the topics that its documentation says.
        """
        template = "".join(text for text, _ in parts)
        expected = re.fullmatch("".join(regex for _, regex in parts), topic) is not None

        self.assertEqual(
            URITemplate(template).matches(topic), expected or topic == template, (template, topic)
        )

    @settings(derandomize=True, max_examples=500, deadline=None)
    @given(PATTERNS, PATHS)
    def test_patterns(self, parts: list[tuple[str, str]], topic: str) -> None:
        """
        A URL pattern selects the topics that its documentation says.
        """
        pattern = "/a" + "".join(text for text, _ in parts)
        regex = "/a" + "".join(regex for _, regex in parts) + r"(?:\?[^#]*)?(?:#.*)?"
        expected = re.fullmatch(regex, topic) is not None and not topic.startswith("//")

        self.assertEqual(URLPattern(pattern).matches(topic), expected, (pattern, topic))
