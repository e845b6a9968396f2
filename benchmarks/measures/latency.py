"""
Latency at 10 events per second: from when an event is due until a client has it.

"Last client" is the time until every client has it.
"""

from dataclasses import replace

from benchmarks.measures.case import Case, generated
from benchmarks.sizes import Sizes

__all__ = ["cases"]


def cases(sizes: Sizes) -> list[Case]:
    """
    Ten events per second.
    """
    arguments = ["-n", sizes.few, "-e", sizes.gentle_events, "--rate", 10]
    case = generated("gentle", lambda server: [*arguments])
    return [replace(case, least_rounds=sizes.gentle_rounds)]
