"""
Waiting for what has to come, in a loop that goes on meanwhile.
"""

import asyncio
from collections.abc import Callable

__all__ = ["comes"]

# Between two looks, in seconds.
_STEP = 0.02


async def comes(probe: Callable[[], bool], patience: float) -> bool:
    """
    Ask *probe* until it says yes.

    Args:
        patience: In seconds.

    Returns:
        Whether it did, before the time was over.
    """
    try:
        async with asyncio.timeout(patience):
            while not probe():
                await asyncio.sleep(_STEP)
    except TimeoutError:
        return False
    return True
