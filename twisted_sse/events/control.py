"""
The event types of control events, which tell clients about the stream itself.
"""

__all__ = ["CONTROL_EVENTS", "FAILED", "OPEN", "RESET"]

#: The first event of every stream of a hub.
OPEN = "stream-open"

#: Events were missed and cannot be replayed.
RESET = "stream-reset"

#: The source of a response has failed.
FAILED = "stream-error"

#: All types of control events.
CONTROL_EVENTS = frozenset({OPEN, RESET, FAILED})
