"""
Media types in HTTP headers: what a body is (``Content-Type``), and what a client
accepts (``Accept``).

Comments that begin with "RFC 9110:" quote it.  Nothing here imports Twisted.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["EVENT_STREAM", "accepts", "media_type"]

#: The media type of event streams.
EVENT_STREAM = "text/event-stream"


def media_type(header: str | None) -> str:
    """
    Return the media type of a ``Content-Type`` header, in lower case and without parameters.

    Args:
        header: As received, so trust nothing about it; ``None`` if it is absent.
    """
    # RFC 9110: "The type and subtype tokens are case-insensitive."
    return (header or "").partition(";")[0].strip().lower()


# The longest header whose answer is remembered: browsers send less than 200 characters.
_REMEMBERED = 512


def accepts(header: str, offered: str) -> bool:
    """
    Return whether an ``Accept`` header allows the media type *offered*.

    An empty header allows every type.

    Args:
        header: As received, so trust nothing about it.

        offered: A media type in lower case, without parameters.
    """
    find = _find_acceptance if len(header) > _REMEMBERED else _remembered_acceptance
    return find(header, offered)


def _find_acceptance(header: str, offered: str) -> bool:
    major = offered.partition("/")[0]
    # RFC 9110: "If more than one media range applies to a given type, the most
    # specific reference has precedence."
    for candidate in (offered, f"{major}/*", "*/*"):
        qualities = [quality for range, quality in _ranges(header) if range == candidate]
        if qualities:
            # RFC 9110: "a value of 0 means 'not acceptable'".
            return max(qualities) > 0
    return not header.strip()


_remembered_acceptance = lru_cache(maxsize=256)(_find_acceptance)


def _ranges(header: str) -> list[tuple[str, float]]:
    return [_range(part) for part in header.lower().split(",") if part.strip()]


def _range(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return media_range, _quality(value.strip())
    return media_range, 1.0


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        # An invalid quality is ignored: better a stream than a refusal by mistake.
        return 1.0
