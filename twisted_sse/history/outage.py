"""
The log of a store: one line when it becomes unavailable, one when it is available
again, and one for each entry that cannot be read.
"""

from __future__ import annotations

from collections.abc import Hashable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_sse.errors import HistoryUnavailable

__all__ = ["Outage", "Unreadable"]

# A store has to be available for this long before the log says so, in seconds: one
# that is full now takes some publications and refuses others.
_SETTLED = 1.0

# The most lines about entries that cannot be read.
_MOST_LINES = 20


class Outage:
    """
    The reasons for which a store is unavailable now, each by what it prevents.

    However many there are, and however often each recurs, the log has one line for
    the first, and one after the last.

    Args:
        store: How log lines and errors name the store.
    """

    _log = Logger()

    def __init__(self, store: str, clock: IReactorTime) -> None:
        self.store = store
        self._clock = clock
        self._reasons: dict[Hashable, str] = {}
        # The reason that the log has; empty if the last line says "available".
        self._logged = ""
        self._since = 0.0
        self._ending: IDelayedCall | None = None

    def begin(self, cause: Hashable, reason: str) -> None:
        """
        Note that something fails.

        Args:
            cause: What fails: a connection, or a name such as ``"writing"``.

            reason: Half a sentence.
        """
        self._cancel()
        if not self._logged:
            self._logged = reason or "it fails"
            self._since = self._clock.seconds()
            self._log.warn(
                "{store} is not available: {reason}; trying again", store=self.store, reason=reason
            )
        self._reasons[cause] = reason

    def end(self, cause: Hashable) -> None:
        """
        Note that *cause* works; it may never have failed.
        """
        if self._reasons.pop(cause, None) is not None and not self._reasons:
            self._cancel()
            self._ending = self._clock.callLater(_SETTLED, self._ended)

    def has(self, cause: Hashable) -> bool:
        """
        Whether *cause* fails.
        """
        return cause in self._reasons

    def check(self) -> None:
        """
        Raise `HistoryUnavailable` if anything fails.
        """
        for reason in self._reasons.values():
            raise HistoryUnavailable(f"{self.store} is not available: {reason}.")

    def stop(self) -> None:
        """
        Forget everything.
        """
        self._reasons.clear()
        if self._ending is not None:
            self._cancel()
            self._ended()
        self._logged = ""

    def _ended(self) -> None:
        self._ending = None
        self._log.info(
            "{store} is available again after {seconds:.0f} seconds; the reason was: {reason}",
            store=self.store,
            seconds=self._clock.seconds() - self._since,
            reason=self._logged,
        )
        self._logged = ""

    def _cancel(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None


class Unreadable:
    """
    Logs entries of a store that are passed over, because they cannot be read.

    Args:
        store: How log lines name the store.
    """

    _log = Logger()

    def __init__(self, store: str) -> None:
        self._store = store
        self._entries: set[Hashable] = set()

    def note(self, entry: Hashable, reason: object) -> None:
        """
        Log that *entry* is passed over, once, however often it is read.
        """
        if entry in self._entries or len(self._entries) > _MOST_LINES:
            return
        self._entries.add(entry)
        if len(self._entries) > _MOST_LINES:
            self._log.warn("{store}: more entries cannot be read", store=self._store)
            return
        self._log.warn(
            "{store}: the entry {entry!r} cannot be read and is passed over: {reason}",
            store=self._store,
            entry=entry,
            reason=reason,
        )
