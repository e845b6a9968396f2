"""
Chooses the history of a hub from what an application gives.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from twisted_sse.history.memory import MemoryHistory
from twisted_sse.history.plugins import build_history
from twisted_sse.interfaces import IHistoryProvider

__all__ = ["history_for"]


def history_for(given: IHistoryProvider | str | None, clock: IReactorTime) -> IHistoryProvider:
    """
    The history of a hub: *given*, built if that is a string as ``--history`` takes it.

    Args:
        given: ``None`` makes a `MemoryHistory`.

    Raises:
        TypeError: *given* is not a history.

        ValueError: No history can be built from the string.
    """
    if given is None:
        return MemoryHistory(clock=clock)
    if isinstance(given, str):
        return build_history(given)
    if isinstance(given, type):
        raise TypeError(f"history is a class: give an instance, {given.__name__}(...)")
    if not IHistoryProvider.providedBy(given):
        raise TypeError(
            f"history is {given!r}: give an IHistoryProvider such as SQLiteHistory('events.db')"
        )
    return given
