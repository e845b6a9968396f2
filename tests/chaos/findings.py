"""
What the clients' process has found, held against what it may.

Pure.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tests.chaos.ledger import Ledger
from tests.chaos.verdict import Fault

__all__ = ["judge"]

# What may have grown between the rest in the middle and the end: bytes, which the
# allocator keeps in pieces, and objects, which caches keep.
_MOST_BYTES = 8 * 1024 * 1024
_MOST_OBJECTS = 1500

# How many streams of a hundred may be left although the server speaks: it looks like
# that when the machine has left the client no time for a second.
_MOST_EARLY = 1

# All that docs/client.md lets be logged above info.
_DOCUMENTED = "An event is larger than"


def judge(found: dict[str, Any], ledgers: Iterable[Ledger]) -> list[Fault]:
    """
    Everything that may not be.

    Args:
        found: What `tests.chaos.crowd` has written.

        ledgers: What the server thinks of each client.
    """
    counts: Counter[str] = Counter()
    faults = [Fault(*fault) for fault in found["faults"]]
    for ledger in ledgers:
        counts += ledger.counts
        faults += ledger.faults
    return [*faults, *_logged(found, counts), *_left(found), *_grown(found), *_early(counts)]


def _logged(found: dict[str, Any], counts: Counter[str]) -> Iterator[Fault]:
    documented = [line for line in found["lines"] if _DOCUMENTED in line and "\n" not in line]
    for line in found["lines"]:
        if line not in documented:
            yield Fault("logged", line)
    if len(documented) > counts["stream endless"]:
        yield Fault("logged", f"{len(documented)} times that an event was too large")


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
