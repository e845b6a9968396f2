"""
The event types of control events, which tell clients about the stream itself.
"""

__all__ = ["BEGUN", "CONTROL_EVENTS", "ENDED", "FAILED", "OPEN", "RESET"]

#: The first event of every stream of a hub.
OPEN = "stream-open"

#: Events were missed and cannot be replayed.
RESET = "stream-reset"

#: The source of a response has failed.
FAILED = "stream-error"

#: A run has begun.
BEGUN = "topic-begin"

#: A topic has ended, and its publisher gave no last event.
ENDED = "topic-end"

#: All types of control events.
CONTROL_EVENTS = frozenset({OPEN, RESET, FAILED, BEGUN, ENDED})
