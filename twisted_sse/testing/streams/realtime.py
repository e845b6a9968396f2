"""
Finds calls of this package on the global reactor, which a test's clock does not control.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.interfaces import IDelayedCall

__all__ = ["STRAY", "stray_calls"]

#: The error message about them.
STRAY = (
    "A part of twisted_sse uses the global reactor instead of this StreamClient's clock, so"
    " advancing the clock has no effect on it: pass the clock to Hub and EventSource as"
    " reactor=clock, and to EventSourceResponse and @event_stream as clock=clock."
)

_PACKAGE = __name__.partition(".")[0]

# A site may be without the clock, as Twisted's own is: it limits the time of requests.
_SITES = f"{_PACKAGE}.transport."


def stray_calls() -> set[IDelayedCall]:
    """
    Return the calls that this package has scheduled with the global reactor, if installed.
    """
    # Not imported, because the import would install a reactor.
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    calls: list[Any] = [] if reactor is None else reactor.getDelayedCalls()
    return {call for call in calls if _is_ours(call.func)}


def _is_ours(function: Any) -> bool:
    instance = getattr(function, "__self__", None)
    module: str = (function if instance is None else type(instance)).__module__ or ""
    return module.partition(".")[0] == _PACKAGE and not module.startswith(_SITES)
