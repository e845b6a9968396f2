"""
What a ``Content-Type`` header says.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["EVENT_STREAM", "accepts", "media_type"]

#: The media type of event streams.
EVENT_STREAM = "text/event-stream"


def media_type(header: str | None) -> str:
    """
    The media type of a ``Content-Type`` header, without its parameters.

    RFC 9110, 8.3.1: it is "case-insensitive", and parameters may follow.
    """
    return (header or "").partition(";")[0].strip().lower()


@lru_cache(maxsize=256)
def accepts(header: str, offered: str) -> bool:
    """
    Whether an ``Accept`` header lets media type *offered* through.

    RFC 9110, 12.5.1: the most specific range that matches decides, and a
    quality of 0 means "not acceptable".

    Args:
        header: As received, so trust nothing about it.
    """
    major = offered.partition("/")[0]
    for candidate in (offered, f"{major}/*", "*/*"):
        qualities = [quality for range, quality in _ranges(header) if range == candidate]
        if qualities:
            return max(qualities) > 0
    return not header.strip()


def _ranges(header: str) -> list[tuple[str, float]]:
    return [_range(part) for part in header.lower().split(",") if part.strip()]


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return media, _quality(value.strip())
    return media, 1.0


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        # A client that cannot write its wishes gets what there is.
        return 1.0
