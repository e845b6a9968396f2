"""
Bounded waits for other processes.
"""

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["PATIENCE", "eventually"]

T = TypeVar("T")

#: The longest wait for anything that is asserted, in seconds.  On an idle machine
#: everything takes far less; benchmarks measure the speed, tests do not.
PATIENCE = 20.0

# Between two calls of the probe, in seconds.
_STEP = 0.02


def eventually(probe: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """
    Call *probe* until its result is true.

    Args:
        probe: Returns a false value until the awaited condition holds.

        what: What has not happened, for the message of the failure.

        patience: The longest wait, in seconds.

    Returns:
        The first true result.

    Raises:
        AssertionError: No result was true within *patience*.
    """
    deadline = time.monotonic() + patience
    while not (result := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"After {patience} seconds: {what}.")
        time.sleep(_STEP)
    return result
