"""
The index of patterns: it agrees with each pattern alone, whatever was added and
removed, and holds nothing of what was removed.
"""

import gc
import tracemalloc
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.support.statemachines import check_machine
from tests.topics.instructions import instructions
from tests.topics.languages import PATHS, PATTERN_PARTS, TEMPLATES, TOPICS
from twisted_sse.topics import Pattern, URITemplate, URLPattern
from twisted_sse.topics.patternindex import PatternIndex

__all__ = ["AgreementTests", "BlockTests", "LargeTests", "MemoryTests"]

_URL_PATTERNS = st.lists(st.sampled_from(PATTERN_PARTS), max_size=4).map(
    lambda parts: "/a" + "".join(text for text, _ in parts)
)
# Long ones fill blocks, and begin alike to different lengths.
_LONG = st.builds(
    lambda shared, number, last: "a" * shared + f"{{x}}{number}" + "b" * 900 + last,
    st.integers(0, 30),
    st.integers(0, 50),
    st.sampled_from(["", "{/y}", "%C3"]),
)
PATTERNS: st.SearchStrategy[Pattern] = st.one_of(
    TEMPLATES.map(lambda parts: URITemplate("".join(text for text, _ in parts))),
    _URL_PATTERNS.map(URLPattern),
    _URL_PATTERNS.map(lambda text: URLPattern(text, "https://hub.example")),
    _LONG.map(URITemplate),
)


class Additions(RuleBasedStateMachine):
    """
    Patterns are added and removed, and topics matched in between.
    """

    def __init__(self) -> None:
        super().__init__()
        self.index: PatternIndex[Pattern] = PatternIndex()
        self.patterns: list[Pattern] = []

    @rule(patterns=st.lists(PATTERNS, max_size=12))
    def add(self, patterns: list[Pattern]) -> None:
        """
        Patterns that are not there yet are added.
        """
        for pattern in patterns:
            if pattern not in self.patterns:
                self.index.add(pattern, pattern)
                self.patterns.append(pattern)

    @rule(seed=st.integers(), share=st.sampled_from([0.2, 0.7, 1.0]))
    def remove(self, seed: int, share: float) -> None:
        """
        Some or all patterns are removed.
        """
        random = Random(seed)
        for pattern in list(self.patterns):
            if random.random() < share:
                self.index.remove(pattern)
                self.patterns.remove(pattern)

    @rule(topic=TOPICS | PATHS)
    def match(self, topic: str) -> None:
        """
        The index finds the patterns that match alone.
        """
        self.check(topic)

    @rule(data=st.data())
    def match_likely(self, data: st.DataObject) -> None:
        """
        The same for a topic that looks like a pattern of the index.
        """
        if self.patterns:
            text = data.draw(st.sampled_from(self.patterns)).text
            self.check(text)
            self.check(text.replace("{x}", "c").replace("{/y}", "/d"))

    def check(self, topic: str) -> None:
        """
        Compare with the definition.
        """
        expected = {pattern for pattern in self.patterns if pattern.matches(topic)}
        assert set(self.index.find(topic)) == expected, topic

    @invariant()
    def count(self) -> None:
        """
        The index has as many patterns as were added and not removed.
        """
        assert len(self.index) == len(self.patterns)


class AgreementTests(SynchronousTestCase):
    """
    An index and its patterns agree.
    """

    def test_additions(self) -> None:
        """
        Whatever is added and removed, the index finds what each pattern matches alone.
        """
        check_machine(Additions, max_examples=60)

    def test_itself(self) -> None:
        """
        A template is found by its own text until it is removed.
        """
        index: PatternIndex[str] = PatternIndex()
        template = URITemplate("/é/{id}")
        index.add(template, "a")
        found = list(index.find("/é/{id}"))
        index.remove(template)

        self.assertEqual(found, ["a"])
        self.assertEqual(list(index.find("/é/{id}")), [])

    def test_bases(self) -> None:
        """
        URL patterns with different bases read paths differently.
        """
        index: PatternIndex[str] = PatternIndex()
        for base in ("", "https://one.example", "https://two.example"):
            index.add(URLPattern("/:a", base), base)

        self.assertEqual(list(index.find("https://one.example/b")), ["https://one.example"])
        self.assertEqual(len(list(index.find("/b"))), 3)

    def test_control_character(self) -> None:
        """
        A text that is not a topic leads from no selector into the next.
        """
        index: PatternIndex[str] = PatternIndex()
        for text in ("a{x}b", "a{x}c"):
            index.add(URITemplate(text), text)

        self.assertEqual(list(index.find("ab\0\0c")), [])


class BlockTests(SynchronousTestCase):
    """
    Many patterns are cut into blocks.
    """

    def setUp(self) -> None:
        self.index: PatternIndex[int] = PatternIndex()
        self.templates = [
            URITemplate(f"https://example.com/users/{{id}}/room/{number}") for number in range(2000)
        ]

    def add(self, numbers: list[int]) -> None:
        """
        Add the templates of *numbers*.
        """
        for number in numbers:
            self.index.add(self.templates[number], number)

    def found(self, number: int) -> list[int]:
        """
        Find what matches a topic of the template of *number*.
        """
        return list(self.index.find(f"https://example.com/users/7/room/{number}"))

    def test_any_order(self) -> None:
        """
        Every pattern is found, whatever the order in which they were added and removed.
        """
        random = Random(1)
        numbers = list(range(2000))
        for order in (sorted(numbers), random.sample(numbers, 2000)):
            self.add(order)
            gone = set(random.sample(numbers, 1500))
            for number in gone:
                self.index.remove(self.templates[number])

            for number in numbers:
                self.assertEqual(self.found(number), [] if number in gone else [number])
            for number in set(numbers) - gone:
                self.index.remove(self.templates[number])

    def test_other_beginning(self) -> None:
        """
        A topic that begins otherwise costs a few instructions for each block.
        """
        self.add(list(range(2000)))

        self.assertLess(instructions(lambda: list(self.index.find("https://example.org/a"))), 1000)

    def test_cost(self) -> None:
        """
        Twenty times the patterns cost less than five times the instructions.
        """
        self.add(list(range(100)))
        self.found(1)
        few = instructions(lambda: self.found(1))
        self.add(list(range(100, 2000)))
        self.found(1)

        self.assertLess(instructions(lambda: self.found(1)), 5 * few)

    def test_change(self) -> None:
        """
        Adding and removing a pattern costs about its length, however many there are.
        """
        one = URITemplate("https://example.com/users/{id}/shop/1")
        alone: PatternIndex[int] = PatternIndex()

        def change(index: PatternIndex[int]) -> None:
            index.add(one, 0)
            index.remove(one)

        few = instructions(lambda: change(alone))
        self.add(list(range(2000)))

        self.assertLess(instructions(lambda: change(self.index)), 2 * few)


class LargeTests(SynchronousTestCase):
    """
    Patterns that take up much of a block.
    """

    def setUp(self) -> None:
        self.index: PatternIndex[str] = PatternIndex()

    def add(self, *texts: str) -> None:
        """
        Add templates.
        """
        for text in texts:
            self.index.add(URITemplate(text), text)

    def test_larger_than_the_rest(self) -> None:
        """
        Patterns of half a block each get blocks of their own, and all are found.
        """
        texts = [letter * 3000 + "{x}" + letter * 1000 for letter in "bacfed"]
        self.add(*texts, "a{x}", "c{x}")

        for text in texts:
            self.assertEqual(list(self.index.find(text.replace("{x}", "y")))[:1], [text])
        self.assertEqual(list(self.index.find("ay")), ["a{x}"])

    def test_long_stem(self) -> None:
        """
        Removing patterns that share a long beginning costs about their own length.
        """
        texts = ["a" * 3000 + f"{{x}}{number}" for number in range(500)]
        self.add(*texts)
        costs = [
            instructions(lambda text=text: self.index.remove(URITemplate(text)))  # type: ignore[misc]
            for text in texts
        ]

        self.assertLess(sum(costs) / len(costs), 2000)
        self.assertEqual(len(self.index), 0)


class MemoryTests(SynchronousTestCase):
    """
    The memory that an index takes.
    """

    def fill(self, patterns: list[Pattern], topics: list[str]) -> PatternIndex[None]:
        """
        Make an index that has matched *topics*.
        """
        index: PatternIndex[None] = PatternIndex()
        for pattern in patterns:
            index.add(pattern, None)
        for topic in topics:
            list(index.find(topic))
        return index

    def objects(self) -> int:
        """
        Count the objects of `twisted_sse.topics` that are alive.
        """
        modules = [str(type(one).__module__) for one in gc.get_objects()]
        return sum(module.startswith("twisted_sse.topics") for module in modules)

    def test_removed(self) -> None:
        """
        Nothing stays of removed patterns, even without the garbage collector.
        """
        patterns: list[Pattern] = [URITemplate(f"/{{+a}}/{n}{{b}}") for n in range(500)]
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        before = self.objects()
        index = self.fill(patterns, [f"/a/{n}b/{n}" for n in range(500)])
        during = self.objects()
        for pattern in patterns:
            index.remove(pattern)
        del index

        self.assertGreater(during, before + 100)
        self.assertEqual(self.objects(), before)

    def test_proportional(self) -> None:
        """
        The largest templates take a few times the bytes of their states, whatever the topics.
        """
        random = Random(1)
        texts = [
            "".join(chr(random.randrange(0x4E00, 0x9FFF)) for _ in range(1000)) for _ in "abcd"
        ]
        patterns: list[Pattern] = [URITemplate(f"{{+a}}{text}") for text in texts]
        patterns += [URITemplate(f"{{+a}}{{b{n}:990}}") for n in range(4)]
        topics = ["".join(random.choices("abc/%é", k=50)) for _ in range(200)]
        tracemalloc.start()
        index = self.fill(patterns, topics + [text[:900] for text in texts])
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        self.assertLess(taken, index.weight)
        self.assertLess(index.weight, 600_000)
