"""
How many runs may go on in one process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted_sse.errors import TooManyRuns, TooManyRunsOfUser
from twisted_sse.runs.keeper import RunKeeper
from twisted_sse.runs.settings import RunSettings

__all__ = ["RunLimits"]


class RunLimits:
    """
    Counts the runs that go on, and those that are about to begin.
    """

    def __init__(self, settings: RunSettings, keeper: RunKeeper) -> None:
        self._most = settings.max_runs
        self._most_of_user = settings.max_runs_per_user
        self._keeper = keeper
        self._beginning: dict[str, str | None] = {}

    @contextmanager
    def beginning(self, owner: str, user: str | None) -> Iterator[None]:
        """
        Count a run that *user* begins, while history is asked for it.
        """
        self._beginning[owner] = user
        try:
            yield
        finally:
            del self._beginning[owner]

    def check(self, user: str | None) -> None:
        """
        Check that *user* may begin one more.

        Raises:
            TooManyRuns, TooManyRunsOfUser: A limit is reached.
        """
        users = [*(work.user for work in self._keeper), *self._beginning.values()]
        if self._most is not None and len(users) >= self._most:
            raise TooManyRuns(f"{self._most} runs go on already: try again later.")
        most = None if user is None else self._most_of_user
        if most is not None and users.count(user) >= most:
            raise TooManyRunsOfUser("You have too many runs that go on: cancel one first.")
