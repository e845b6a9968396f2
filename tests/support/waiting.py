"""
Waits for what other processes do, and never longer than a bound.
"""

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["PATIENCE", "eventually"]

T = TypeVar("T")

#: How long anything that is asserted may take, in seconds.  Far above what it
#: takes on an idle machine: a test tells what works, a benchmark tells how fast.
PATIENCE = 20.0

# Between two looks, in seconds.
_STEP = 0.02


def eventually(probe: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """
    Ask *probe* until it says yes.

    Args:
        probe: Returns something false until what is waited for has happened.

        what: Half a sentence for the failure: what has not happened.

        patience: In seconds.

    Returns:
        The first true result.

    Raises:
        AssertionError: The time is over.
    """
    deadline = time.monotonic() + patience
    while not (result := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"After {patience} seconds: {what}.")
        time.sleep(_STEP)
    return result
