"""
The automaton: the cost of a match, and agreement with the documentation.
"""

import re
import sys
import tracemalloc
from collections.abc import Callable
from itertools import chain, combinations
from random import Random
from types import FrameType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.topics import Selector, URITemplate, URLPattern

__all__ = ["AgreementTests", "LinearTests"]


class LinearTests(SynchronousTestCase):
    """
    The cost of a match is linear in the topic, whatever the selector.
    """

    #: Each reads its topic to the end, and then finds that the ! is missing.
    ADVERSARIES: list[tuple[Callable[[], Selector], str]] = [
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
            short, long = make(), make()
            once, twice = "/" + piece * 300, "/" + piece * 600
            if isinstance(short, URITemplate):
                once, twice = once[1:], twice[1:]
            first, second = _matching(short, once), _matching(long, twice)

            with self.subTest(selector=short.text):
                self.assertLess(second, 2.2 * first)
                self.assertGreater(second, first + 3 * 300)

    def test_bound(self) -> None:
        """
        A character takes a bounded number of instructions, even if no step comes twice.
        """
        template = URITemplate("{+x}" + "{/a*}{.b}{#c}" * 20 + "!")
        random = Random(1)
        topic = "".join(random.choice("/.#a%b") for _ in range(1000)).replace("%", "%2F")
        characters = len(topic)

        self.assertLess(_matching(template, topic), 4000 * characters)

    def test_memory(self) -> None:
        """
        The steps that a selector remembers are bounded, and it goes on remembering new ones.
        """
        template = URITemplate("a{x}")
        tracemalloc.start()
        for number in range(4000):
            template.matches("a" + chr(0x4E00 + number))
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        template.matches("a" * 1000)

        self.assertLess(kept, 100_000)
        self.assertLess(_matching(template, "a" * 1000), 20 * 1000)

    def test_remembered(self) -> None:
        """
        A topic that comes again takes a few instructions for each character.
        """
        template = URITemplate("https://example.com/{a}{/b}{?c}")
        topic = "https://example.com/" + "a" * 1000
        template.matches(topic)

        self.assertLess(_matching(template, topic), 20 * 1000)


def _matching(selector: Selector, topic: str) -> int:
    """
    Count the instructions that Python executes for a match: the same on every computer.
    """
    count = 0

    def trace(frame: FrameType, what: str, argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += what == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        selector.matches(topic)
    finally:
        sys.settrace(before)
    return count


# The language of a selector once more, as the documentation of URITemplate and
# URLPattern describes it, in backtracking regular expressions: for small topics only.

_V = r"(?:[A-Za-z0-9\-._~]|%[0-9A-Fa-f]{2})"
_VR = r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})"
_CONTINUATION = "(?:%[89ABab][0-9A-Fa-f])*"


def _value(kind: str, modifier: str, separators: str) -> str:
    if modifier.startswith(":"):
        return f"(?:{kind}{_CONTINUATION}){{0,{modifier[1:]}}}"
    more = "," + (separators + "=" if modifier == "*" else "")
    return f"(?:{kind}|[{more}])*"


def _expression(operator: str, variables: list[tuple[str, str]]) -> str:
    kind = _VR if operator in ("+", "#") else _V
    if operator == "?":
        pairs = [
            _value(_V, modifier, "&") if modifier == "*" else f"{name}={_value(_V, modifier, '')}"
            for name, modifier in variables
        ]
        subsets = chain.from_iterable(combinations(pairs, n) for n in range(1, len(pairs) + 1))
        return "(?:" + "|".join(r"\?" + "&".join(subset) for subset in subsets) + ")?"
    if operator in ("/", ";", "&"):
        return "".join(f"(?:{operator}{_pair(operator, *variable)})?" for variable in variables)
    limits = [int(modifier[1:]) for _, modifier in variables if modifier.startswith(":")]
    if len(limits) == len(variables):
        value = _value(kind, f":{max(limits)}", "")
        separator = r"\." if operator == "." else ","
        body = f"{value}(?:{separator}{value}){{0,{len(limits) - 1}}}"
    else:
        exploded = "*" in [modifier for _, modifier in variables]
        body = _value(kind, "*" if exploded else "", "")
    return f"(?:[{operator}]{body})?" if operator in ("#", ".") else body


def _pair(operator: str, name: str, modifier: str) -> str:
    if modifier == "*":
        return _value(_V, "*", operator)
    value = _value(_V, modifier, "")
    return {"/": value, ";": f"{name}(?:={value})?", "&": f"{name}={value}"}[operator]


VARIABLES = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["", "", "*", ":1", ":2"])),
    min_size=1,
    max_size=3,
)
EXPRESSIONS = st.tuples(st.sampled_from(["", *"+#./;?&"]), VARIABLES).map(
    lambda pair: (
        "{" + pair[0] + ",".join(name + modifier for name, modifier in pair[1]) + "}",
        _expression(*pair),
    )
)
LITERALS = st.sampled_from(["a", "/", "?", "&b=", ".", "%C3%A9", "é"]).map(
    lambda text: (text, re.escape(text))
)
TEMPLATES = st.lists(EXPRESSIONS | LITERALS, min_size=1, max_size=4)
TOPICS = st.lists(
    st.sampled_from(
        ["a", "b", *"/?#&=;.,!%é", "a=", "b=a", "%C3", "%A9", "?a=", "&b=", ";a", "?b=a"]
    ),
    min_size=1,
    max_size=6,
).map("".join)

PATTERN_PARTS = [
    *[("a", "a"), ("/", "/"), ("/{:x}", "/[^/?#]+"), (":x-", "[^/?#]+-"), ("-*-", "-[^?#]*-")],
    *[("{*-}?", "(?:[^?#]*-)?"), ("{*b/}", "[^?#]*b/"), ("{:x-}?", "(?:[^/?#]+-)?")],
    *[("/:x?", "(?:/[^/?#]+)?"), ("{a}?", "(?:a)?"), ("{/*}?", "(?:/[^?#]*)?"), ("{-}", "-")],
]
PATTERNS = st.lists(st.sampled_from(PATTERN_PARTS), max_size=4)
PATHS = st.lists(st.sampled_from(["a", "b", "-", "/", "?", "#", ":"]), max_size=8).map(
    lambda pieces: "/" + "".join(pieces)
)


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
