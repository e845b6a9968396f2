"""
What a ``Content-Type`` header says.
"""

__all__ = ["EVENT_STREAM", "media_type"]

#: The media type of event streams.
EVENT_STREAM = "text/event-stream"


def media_type(header: str | None) -> str:
    """
    The media type of a ``Content-Type`` header, without its parameters.

    RFC 9110, 8.3.1: it is "case-insensitive", and parameters may follow.
    """
    return (header or "").partition(";")[0].strip().lower()
