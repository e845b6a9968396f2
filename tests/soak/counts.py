"""
What there is in this process, to be compared with what there is later.
"""

import gc
import os
from collections import Counter
from typing import Any, NamedTuple

__all__ = ["Counts"]

# What streams are made of, beside what this package has.
_MODULES = ("twisted_sse", "twisted.web", "twisted.internet", "twisted.protocols", "h2", "OpenSSL")
# Reactors clean cancelled ones up now and then; those that are not are counted apart.
_CANCELLED = "DelayedCall"
_BUILTIN = ("generator", "coroutine", "async_generator")


class Counts(NamedTuple):
    """
    Attributes:
        types: How many objects of each type that streams are made of.

        objects: How many objects the garbage collector knows, all in all.

        calls: Delayed calls.

        readers: What the reactor reads from.

        files: Open files.
    """

    types: Counter[str]
    objects: int
    calls: int
    readers: int
    files: int

    @classmethod
    def take(cls, reactor: Any) -> "Counts":
        """
        Count, after what only waits for the garbage collector is gone.
        """
        for _ in range(3):
            gc.collect()
        objects = gc.get_objects()
        return cls(
            Counter(name for name in map(_name, objects) if name),
            len(objects),
            len(reactor.getDelayedCalls()),
            len(reactor.getReaders()),
            len(os.listdir("/proc/self/fd")),
        )

    def more_than(self, before: "Counts") -> dict[str, int]:
        """
        What there is more of than *before*, and how much; the objects of no special type aside.
        """
        names = ("calls", "readers", "files")
        rest = {name: getattr(self, name) - getattr(before, name) for name in names}
        grown = {**(self.types - before.types), **rest}
        return {name: count for name, count in grown.items() if count > 0}


def _name(each: object) -> str:
    kind = type(each)
    if kind.__name__ == _CANCELLED:
        return ""
    if kind.__module__ == "builtins":
        return kind.__name__ if kind.__name__ in _BUILTIN else ""
    module = str(kind.__module__)
    return f"{module}.{kind.__qualname__}" if module.startswith(_MODULES) else ""
