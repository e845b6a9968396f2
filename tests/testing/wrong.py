"""
History providers that break one rule each, and the tests that find them.

Each is correct except for the mistake in its docstring.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.support.shared import CompleteHistory, SharedMemoryHistory
from twisted_sse.events.publication import Record
from twisted_sse.topics import Selection

__all__ = ["ALL", "MANY", "WRONG", "Mistake", "Wrong", "breaks"]

ALL = Selection.of(["*"])
MANY = 1 << 20


class Wrong(CompleteHistory):
    """
    The base of all wrong providers: a correct `CompleteHistory`.
    """

    def all(self) -> Sequence[Record]:
        """
        Return all records.
        """
        return self.store.available.tail(MANY).kept


@dataclass(frozen=True)
class Mistake:
    """
    Attributes:
        provider: The class that makes the mistake.

        found_by: The names of the tests of the contract that must fail.

        stated: Attributes of the test class that replace those of
            `SharedMemoryContract`.
    """

    provider: type[SharedMemoryHistory]
    found_by: tuple[str, ...]
    stated: dict[str, Any]


#: All mistakes.
WRONG: list[Mistake] = []

WrongT = TypeVar("W", bound=type[SharedMemoryHistory])


def breaks(*found_by: str, **stated: Any) -> Callable[[WrongT], WrongT]:
    """
    Add a provider to `WRONG`.
    """

    def enter(provider: WrongT) -> WrongT:
        WRONG.append(Mistake(provider, found_by, stated))
        return provider

    return enter
