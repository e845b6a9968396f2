"""
Latency at a gentle rate: from the moment an event is due to be published until a client has it.

"Last client" is the moment when everybody has it.
"""

from benchmarks.measures.case import Case, generated
from benchmarks.sizes import Sizes

__all__ = ["cases"]


def cases(sizes: Sizes) -> list[Case]:
    """
    Ten events a second.
    """
    arguments = ["-n", sizes.few, "-e", sizes.gentle_events, "--rate", 10]
    return [generated("gentle", lambda server: [*arguments])]
