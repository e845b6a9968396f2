"""
Texts that can be neither a topic nor a selector.
"""

from typing import Any

from twisted_sse.topics import MAX_TOPIC_SIZE

__all__ = ["BAD_TEXTS"]

#: The text, and the end of the sentence that refuses it.
BAD_TEXTS: list[tuple[Any, str]] = [
    (1, "is a int: give a str."),
    (b"a", "is a bytes: give a str."),
    ("", "is empty: give it a name."),
    ("a\nb", "contains U+000A at index 1: remove it."),
    ("\0", "contains U+0000 at index 0: remove it."),
    ("a\x7f", "contains U+007F at index 1: remove it."),
    ("a\x85", "contains U+0085 at index 1: remove it."),
    ("a\u200bb", "contains U+200B at index 1: remove it."),
    ("a\u202eb", "contains U+202E at index 1: remove it."),
    ("\ufeffa", "contains U+FEFF at index 0: remove it."),
    ("a\u00adb", "contains U+00AD at index 1: remove it."),
    ("a\U000e0001", "contains U+E0001 at index 1: remove it."),
    ("a\ud800", "contains a lone surrogate at index 1: remove it."),
    ("a" * (MAX_TOPIC_SIZE + 1), "has 4097 bytes of UTF-8: use at most 4096."),
    ("é" * (MAX_TOPIC_SIZE // 2 + 1), "has 4098 bytes of UTF-8: use at most 4096."),
]
