"""
The settings of presence, as applications write them.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_sse.units import check_count, check_seconds, seconds

__all__ = ["Presence", "presence_settings", "read_presence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """
    How a hub keeps presence: ``Hub(presence=Presence(grace=30))``.

    Args:
        grace: How long a user without a connection is still on a topic, in seconds,
            so that a reconnect is neither a leave nor a join.  0 tells every gap.

        most: The most members, each on one topic, that the hub has itself; one more is
            not shown.  It bounds the memory: about 1 KB for each member.

    Raises:
        TypeError, ValueError: An argument is wrong.
    """

    grace: float = 10.0
    most: int = 100_000

    def __post_init__(self) -> None:
        check_seconds("grace", self.grace, zero=True)
        check_count("most", self.most)


def presence_settings(given: object) -> Presence | None:
    """
    The settings for the argument *presence* of a hub; ``None`` for no presence.

    Raises:
        TypeError: It is neither a bool nor a `Presence`.
    """
    if isinstance(given, Presence):
        return given
    if given is True:
        return Presence()
    if given is False:
        return None
    raise TypeError(f"presence is {given!r}: give True, False or Presence(grace=10)")


def read_presence(text: str) -> Presence | None:
    """
    Read ``yes``, ``no``, or a number of seconds, which is the grace.

    Raises:
        ValueError: It is something else; half a sentence.
    """
    if text in ("yes", "no"):
        return Presence() if text == "yes" else None
    try:
        return Presence(grace=seconds(text))
    except ValueError:
        raise ValueError(f"{text!r} is neither yes, no nor a number of seconds") from None
