"""
Writes the file of a history as this version writes it, to be read by every later one.

Run once for each version that changes how a file is written, and keep the result:
``python -m tests.history.sqlite.data.make_history tests/history/sqlite/data/history-0.1.0.db``
"""

import os
import sys

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.history.sqlite.store import Store
from twisted_sse.history.sqlite.trim import Bounds

__all__ = ["PUBLICATIONS", "write"]

#: What is kept, in two openings of the file; the publications before are forgotten.
PUBLICATIONS = [
    Publication(("news",), ServerSentEvent("first")),
    Publication(("news", "é/1"), ServerSentEvent("zwei\nZeilen", event="état", retry=1500)),
    Publication(("users/ada",), ServerSentEvent("secret", id="own-1"), private=True),
    Publication(("news",), ServerSentEvent('{"n":4}', comment="why")),
    Publication(("news",), ServerSentEvent("again", id="own-1")),
    Publication(("other",), ServerSentEvent("")),
]

# Later than the first of January 2026, in seconds since 1970.
_BEGIN = 1_767_225_600.0


def write(path: str) -> None:
    """
    Write the file *path*.
    """
    old = [Publication(("old",), ServerSentEvent(f"forgotten {one}")) for one in range(70)]
    for publications, time in ((old, 0.0), (PUBLICATIONS[:3], 10.0), (PUBLICATIONS[3:], 20.0)):
        store = Store(path, "full", Bounds(events=6, size=1 << 20, age=5.0e9))
        for number, publication in enumerate(publications):
            store.append([publication], _BEGIN + time + number / 100)
        for _ in range(2):
            store.trim(_BEGIN + time + 1)
        store.close()


if __name__ == "__main__":
    write(sys.argv[1])
    os.unlink(f"{sys.argv[1]}-lock")
