"""
History providers that break one rule each, and by which tests that is found.

Each is right but for what its docstring says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.support.shared import SharedMemoryHistory
from twisted_sse.events.publication import Record
from twisted_sse.topics import Selection

__all__ = ["ALL", "MANY", "WRONG", "Mistake", "Wrong", "breaks"]

ALL = Selection.of(["*"])
MANY = 1 << 20


class Wrong(SharedMemoryHistory):
    """
    What a provider may do wrong begins with what `SharedMemoryHistory` does right.
    """

    def all(self) -> Sequence[Record]:
        """
        Everything that is kept.
        """
        return self.store.available.tail(MANY).kept


@dataclass(frozen=True)
class Mistake:
    """
    Attributes:
        provider: Makes the mistake.

        found_by: The names of the tests of the contract that have to fail.

        stated: What the test class says about the provider, where that is not
            that it can do everything.
    """

    provider: type[SharedMemoryHistory]
    found_by: tuple[str, ...]
    stated: dict[str, Any]


#: Every mistake that was thought of.
WRONG: list[Mistake] = []

W = TypeVar("W", bound=type[SharedMemoryHistory])


def breaks(*found_by: str, **stated: Any) -> Callable[[W], W]:
    """
    Enter a provider into `WRONG`.
    """

    def enter(provider: W) -> W:
        WRONG.append(Mistake(provider, found_by, stated))
        return provider

    return enter
