"""
Gives a Python program another time of day, which jumps while it runs.

Python imports this module at its start if its directory is on ``PYTHONPATH``, before anything can
have taken `time.time`.  The monotonic clock is left alone, as on a machine whose time of day is
set.
"""

import os
import time

__all__: list[str] = []

# A file with the seconds to add.  It is replaced to make the clock jump.
_OFFSET = os.environ["CHAOS_CLOCK_OFFSET"]

# How long a jump may take to be seen, in seconds.
_DELAY = 0.1

_time, _monotonic = time.time, time.monotonic
_offset, _read_at = 0, -_DELAY


def _jumping_time() -> float:
    global _offset, _read_at
    now = _monotonic()
    if now - _read_at >= _DELAY:
        _read_at = now
        with open(_OFFSET, encoding="ascii") as file:
            _offset = int(file.read())
    return _time() + _offset


time.time = _jumping_time
time.time_ns = lambda: int(_jumping_time() * 1e9)
