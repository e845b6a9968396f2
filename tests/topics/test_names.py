"""
The rules for topics.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.topics.bad_texts import BAD_TEXTS
from twisted_sse.errors import InvalidTopic
from twisted_sse.topics import MAX_TOPICS, check_topics

__all__ = ["TopicTests"]


class TopicTests(SynchronousTestCase):
    """
    Topics that may be published to, and others.
    """

    def test_one(self) -> None:
        """
        A single str is one topic, not its characters.
        """
        self.assertEqual(check_topics("https://example.com/1"), ("https://example.com/1",))

    def test_several(self) -> None:
        """
        The order is kept and duplicates are removed.
        """
        self.assertEqual(check_topics(iter(["b", "a", "b", "c", "a"])), ("b", "a", "c"))

    def test_any_text(self) -> None:
        """
        Spaces, braces and every script are allowed, up to the largest size.
        """
        for topic in (
            "a b",
            "a*",
            "**",
            "{a}",
            "é",
            "\u2028",
            "a\u00a0b",
            "\U0001f600",
            "a" * 4096,
        ):
            with self.subTest(topic=topic):
                self.assertEqual(check_topics(topic), (topic,))

    def test_refused(self) -> None:
        """
        Each bad topic is refused with a sentence that says what to do.
        """
        for topic, sentence in BAD_TEXTS:
            with self.subTest(topic=topic), self.assertRaises(InvalidTopic) as caught:
                check_topics(["a", topic])

            self.assertEqual(str(caught.exception), f"The topic {sentence}")

    def test_everything(self) -> None:
        """
        `*` is not a topic.
        """
        for topics in ("*", ["a", "*"]):
            with self.subTest(topics=topics):
                self.assertRaises(InvalidTopic, check_topics, topics)

    def test_number(self) -> None:
        """
        An event has at least one topic, and at most a hundred different ones.
        """
        names = [str(number) for number in range(MAX_TOPICS)]

        self.assertEqual(len(check_topics(names * 2)), 100)
        self.assertRaises(InvalidTopic, check_topics, [*names, "one more"])
        self.assertRaises(InvalidTopic, check_topics, [])

    def test_unhashable(self) -> None:
        """
        A list in place of a topic is refused like any other value.
        """
        topics: list[Any] = [["a"]]

        self.assertRaises(InvalidTopic, check_topics, topics)
