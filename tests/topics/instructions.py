"""
Counts instructions: a measure of cost that is the same on every computer.
"""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["instructions"]


def instructions(call: Callable[[], object]) -> int:
    """
    Count the instructions that Python executes for *call*.
    """
    count = 0

    def trace(frame: FrameType, what: str, argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += what == "opcode"
        return trace

    before = sys.gettrace()
    # The garbage collector may call hooks, which would count.
    gc.disable()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
        gc.enable()
    return count
