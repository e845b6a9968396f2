"""
Counts objects and resources of this process, for comparison with later counts.
"""

import gc
import os
from collections import Counter
from typing import Any, NamedTuple

__all__ = ["Counts"]

# The modules whose objects belong to streams.
_MODULES = ("twisted_sse", "twisted.web", "twisted.internet", "twisted.protocols", "h2", "OpenSSL")
# Reactors remove cancelled calls only from time to time; active calls are counted separately.
_CANCELLED = "DelayedCall"
_BUILTIN = ("generator", "coroutine", "async_generator")


class Counts(NamedTuple):
    """
    Attributes:
        types: The number of objects of each type that belongs to streams.

        objects: The number of all objects that the garbage collector tracks.

        calls: The number of delayed calls.

        readers: The number of the reactor's readers.

        files: The number of open files.
    """

    types: Counter[str]
    objects: int
    calls: int
    readers: int
    files: int

    @classmethod
    def take(cls, reactor: Any) -> "Counts":
        """
        Collect garbage, then count.
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
        Return what has grown since *before*, and by how much, except the total of all objects.
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
