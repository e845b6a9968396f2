"""
The versions of the protocol, and which of them a hub speaks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

__all__ = ["VERSIONS", "Version", "check_versions"]

#: ``mercure-0.x`` is draft-07, which installed clients speak; ``mercure-1.0`` is draft-08.
Version = Literal["mercure-0.x", "mercure-1.0"]

#: All of them.
VERSIONS: Final[tuple[Version, ...]] = ("mercure-0.x", "mercure-1.0")


def check_versions(name: str, given: Iterable[str]) -> frozenset[Version]:
    """
    Check the versions that a hub is to speak.

    Args:
        name: The argument or option that they were given for.

    Raises:
        ValueError: There is none, or one of them is unknown.
    """
    chosen = [given] if isinstance(given, str) else list(given)
    unknown = [one for one in chosen if one not in VERSIONS]
    if unknown or not chosen:
        wrong = repr(unknown[0]) if unknown else "empty"
        raise ValueError(f"{name} is {wrong}: write {' or '.join(VERSIONS)}, or both")
    return frozenset(one for one in VERSIONS if one in chosen)
