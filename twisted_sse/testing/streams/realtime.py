"""
Finds what is scheduled with the global reactor, where a test's clock has no say.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.interfaces import IDelayedCall

__all__ = ["STRAY", "stray_calls"]

#: What to say of them.
STRAY = (
    "Something of twisted_sse runs by the global reactor, and not by this clock, so the test would"
    " wait for it in vain: give the StreamClient's clock to the Hub and to an EventSource as"
    " reactor=clock, to an EventSourceResponse and to @event_stream as clock=clock."
)

_PACKAGE = __name__.partition(".")[0]


def stray_calls() -> set[IDelayedCall]:
    """
    What this package has scheduled with the global reactor, if there is one.
    """
    # Not imported, for that would choose one.
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    calls: list[Any] = [] if reactor is None else reactor.getDelayedCalls()
    return {call for call in calls if _is_ours(call.func)}


def _is_ours(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    module: str = (function if owner is None else type(owner)).__module__ or ""
    return module.partition(".")[0] == _PACKAGE
