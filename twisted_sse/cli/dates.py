"""
Writes dates for people.
"""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["describe_date", "describe_span"]


def describe_date(seconds: float, now: float) -> str:
    """
    Write a date in UTC, and how far it is from *now*.

    Args:
        seconds: The date, in seconds since 1970.
    """
    try:
        date = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.0f} seconds after 1970"
    left = seconds - now
    ago = f"in {describe_span(left)}" if left > 0 else f"{describe_span(-left)} ago"
    return f"{date:%Y-%m-%d %H:%M:%S} UTC, {ago}"


def describe_span(seconds: float) -> str:
    """
    Write a time in its largest unit of which there are two.
    """
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
