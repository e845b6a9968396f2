"""
Waits for a condition while the asyncio loop runs.
"""

import asyncio
from collections.abc import Callable

__all__ = ["poll"]

# Between two calls of the probe, in seconds.
_STEP = 0.02


async def poll(probe: Callable[[], bool], timeout: float) -> bool:
    """
    Call *probe* until it returns true.

    Args:
        timeout: In seconds.

    Returns:
        Whether it did so before the timeout.
    """
    try:
        async with asyncio.timeout(timeout):
            while not probe():
                await asyncio.sleep(_STEP)
    except TimeoutError:
        return False
    return True
