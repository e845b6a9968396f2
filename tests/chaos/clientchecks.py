"""
Compares the results of the clients' process with what is allowed.

Nothing here does I/O or keeps time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tests.chaos.checks import Fault
from tests.chaos.requestchecks import RequestChecker

__all__ = ["find_client_faults"]

# The growth that is allowed between the pause and the end: bytes, because the allocator
# fragments memory, and objects, because caches hold them.
_MOST_BYTES = 8 * 1024 * 1024
_MOST_OBJECTS = 1500

# How many streams of a hundred a client may close while the server is sending: on a busy
# machine the client may get no CPU time for a second, and its read timeout fires.
_MOST_EARLY = 1

# The only line above info that docs/client.md documents.
_DOCUMENTED = "An event is larger than"


def find_client_faults(found: dict[str, Any], checkers: Iterable[RequestChecker]) -> list[Fault]:
    """
    Find everything that the rules forbid.

    Args:
        found: The output of `tests.chaos.clients`.

        checkers: The request checker of each client's server.
    """
    counts: Counter[str] = Counter()
    faults = [Fault(*fault) for fault in found["faults"]]
    for checker in checkers:
        counts += checker.counts
        faults += checker.faults
    return [*faults, *_logged(found, counts), *_left(found), *_grown(found), *_early(counts)]


def _logged(found: dict[str, Any], counts: Counter[str]) -> Iterator[Fault]:
    documented = [line for line in found["lines"] if _DOCUMENTED in line and "\n" not in line]
    for line in found["lines"]:
        if line not in documented:
            yield Fault("logged", line)
    if len(documented) > counts["stream endless"]:
        yield Fault("logged", f"{len(documented)} lines about an event that is too large")


def _left(found: dict[str, Any]) -> Iterator[Fault]:
    for moment, left in zip(("in between", "at the end"), found["left"], strict=True):
        if left:
            yield Fault("left", f"{left} {moment}")


def _grown(found: dict[str, Any]) -> Iterator[Fault]:
    for name, most in (("resident", _MOST_BYTES), ("objects", _MOST_OBJECTS)):
        _, between, after = found[name]
        if after - between > most:
            yield Fault("grown", f"{name} from {between:,} to {after:,}")
    if found["grown"]:
        yield Fault("grown", f"objects: {found['grown']}")


def _early(counts: Counter[str]) -> Iterator[Fault]:
    streams = sum(count for name, count in counts.items() if name.startswith("stream"))
    early = counts["left early"]
    if early > 2 + streams * _MOST_EARLY / 100:
        yield Fault("left early", f"{early} of {streams} streams")
