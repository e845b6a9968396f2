"""
Ends of topics: after its end, nothing is published to a topic any more.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

__all__ = ["OUTCOMES", "Outcome"]

#: How a topic has ended: it is complete (``done``), what made its events failed
#: (``failed``), somebody ended it before it was complete (``cancelled``), or the process
#: that made its events stopped or died (``interrupted``).
Outcome = Literal["done", "failed", "cancelled", "interrupted"]

#: All of them.
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
