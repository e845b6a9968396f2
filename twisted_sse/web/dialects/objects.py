"""
Items that are JSON objects with a type, as the clients of models expect them.
"""

from __future__ import annotations

from typing import Any

from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent

__all__ = ["DEFAULT_ERROR", "Object", "object_of"]

#: A JSON object.
Object = dict[str, Any]

#: What readers are told of a source that has failed: nothing of the reason.
DEFAULT_ERROR = "The answer could not be completed."


def object_of(event: ServerSentEvent, dialect: object, example: str) -> Object:
    """
    Read the data of *event* as a JSON object with a type.

    Args:
        example: Such an object, for the message.

    Raises:
        InvalidEvent: It is something else.
    """
    try:
        value = event.json()
    except ValueError:
        value = None
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        return value
    kind = type(dialect).__name__
    text = event.data or ""
    shown = text if len(text) <= 40 else f"{text[:40]}..."
    raise InvalidEvent(
        f"{kind} streams objects with a type, and the source yielded {shown!r}: yield"
        f" {example}, or write {kind}(text=True) to stream text."
    )
