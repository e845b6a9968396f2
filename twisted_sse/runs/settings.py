"""
What `Runs` is given, checked, and the names of runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_sse.errors import InvalidTopic
from twisted_sse.topics import check_topics
from twisted_sse.units import check_count, check_seconds

__all__ = ["RunSettings"]

# The longest name of a run, in characters: it is a part of URLs.
_LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """
    See `twisted_sse.runs.Runs`.
    """

    keep: float
    flush: float
    linger: float | None
    lease: float
    prefix: str
    private: bool
    max_runs: int | None
    max_runs_per_user: int | None
    max_bytes: int | None

    def __post_init__(self) -> None:
        check_seconds("keep", self.keep)
        check_seconds("flush", self.flush, zero=True)
        check_seconds("linger", self.linger, none="to go on without readers")
        check_seconds("lease", self.lease)
        if self.lease < 1:
            raise ValueError(f"lease is {self.lease!r}: give seconds, at least 1")
        check_count("max_runs", self.max_runs, none="for no limit")
        check_count("max_runs_per_user", self.max_runs_per_user, none="for no limit")
        check_count("max_bytes", self.max_bytes, none="for no limit")
        if not isinstance(self.private, bool):
            raise TypeError(f"private is {self.private!r}: give True or False")
        if not isinstance(self.prefix, str):
            raise TypeError(f"prefix is {self.prefix!r}: give a str, such as 'runs/'")
        check_topics(f"{self.prefix}name")

    def topic(self, name: object) -> str:
        """
        The topic of the run *name*.

        Raises:
            InvalidTopic: Nothing can be called that.
        """
        if not isinstance(name, str):
            raise TypeError(f"The name of a run is {name!r}: give a str")
        if not 0 < len(name) <= _LONGEST_NAME:
            raise InvalidTopic(
                f"The name of a run has {len(name)} characters: give 1 to {_LONGEST_NAME}."
            )
        (topic,) = check_topics(f"{self.prefix}{name}")
        return topic
