"""
The rules for topics, and for the text of selectors.

A text that breaks a rule is refused with a sentence for its sender; no text is
changed to make it fit.

Nothing here does I/O, keeps time, or imports Twisted.  Comments that begin with
"Mercure:" follow that protocol.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from twisted_sse.errors import InvalidSelector, InvalidTopic, TooManyTopics

__all__ = ["MAX_TOPICS", "MAX_TOPIC_SIZE", "check_selector", "check_topics"]

#: The most bytes of UTF-8 in a topic or a selector.  The reference Mercure hub
#: has the same bound, and the URL of a subscription stays within servers' limits.
MAX_TOPIC_SIZE: Final = 4096

#: The most topics of one event.  Each is matched against the selectors; the reference
#: Mercure hub has the same bound for selectors.
MAX_TOPICS: Final = 100

# The longest topic whose check is remembered, and how many are: 3 MB at most.
_REMEMBERED_SIZE: Final = 128
_REMEMBERED: Final = 4096


def check_topics(topics: str | Iterable[str]) -> tuple[str, ...]:
    """
    Check the topics that an event is to be published to.

    Args:
        topics: One topic, or several names of the same resource.

    Returns:
        The topics without duplicates, in their order: the first is the
        canonical topic, the others are its alternates.

    Raises:
        TooManyTopics: *topics* has more than `MAX_TOPICS`.

        InvalidTopic: *topics* is empty, or one
            topic is not a str, empty, larger than `MAX_TOPIC_SIZE`, exactly
            `*`, or contains a control or format character or a lone surrogate.
    """
    if isinstance(topics, str):
        _check_one(topics)
        return (topics,)
    if not isinstance(topics, Iterable):
        raise InvalidTopic(f"The topic is {topics!r}: give a str, or a list of them.")
    unique = _unique(topics)
    if not unique:
        raise InvalidTopic("No topic is given: give at least one.")
    for topic in unique:
        _check_one(topic)
    return unique


def _unique(topics: Iterable[str]) -> tuple[str, ...]:
    seen: dict[str, None] = {}
    for topic in topics:
        if not isinstance(topic, str):
            raise InvalidTopic(f"The topic {_fault(topic)}")
        seen[topic] = None
        if len(seen) > MAX_TOPICS:
            raise TooManyTopics(f"Too many topics are given: give at most {MAX_TOPICS}.")
    return tuple(seen)


def _check_one(topic: str) -> None:
    check = _check_remembered if len(topic) <= _REMEMBERED_SIZE else _check
    check(topic)


def _check(topic: str) -> None:
    fault = _fault(topic)
    if fault is not None:
        raise InvalidTopic(f"The topic {fault}")
    if topic == "*":
        raise InvalidTopic("The topic is *, which selects every topic: publish to a name.")


_check_remembered = lru_cache(maxsize=_REMEMBERED)(_check)


def _fault(text: object) -> str | None:
    """
    Return what is wrong with a topic or selector, as the end of a sentence.
    """
    if not isinstance(text, str):
        return f"is a {type(text).__name__}: give a str."
    if not text:
        return "is empty: give it a name."
    if text.isascii() and text.isprintable() and len(text) <= MAX_TOPIC_SIZE:
        return None
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        return f"contains a lone surrogate at index {error.start}: remove it."
    if size > MAX_TOPIC_SIZE:
        return f"has {size} bytes of UTF-8: use at most {MAX_TOPIC_SIZE}."
    for index, character in enumerate(text):
        # Mercure: no C0, C1 or DEL, nor category Cf, whose characters are
        # invisible: two topics could look the same.
        if unicodedata.category(character) in ("Cc", "Cf"):
            return f"contains U+{ord(character):04X} at index {index}: remove it."
    return None


def check_selector(text: str) -> None:
    """
    Check that *text* obeys the rules of a topic, as every selector does; `*` passes.

    Raises:
        InvalidSelector: *text* is not a str, empty, larger than `MAX_TOPIC_SIZE`, or
            contains a control or format character or a lone surrogate.
    """
    fault = _fault(text)
    if fault is not None:
        raise InvalidSelector(f"The selector {fault}")
