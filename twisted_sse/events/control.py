"""
The event types of control events, which tell clients about the stream itself.
"""

__all__ = [
    "BEGUN",
    "CONTROL_EVENTS",
    "ENDED",
    "FAILED",
    "HEARTBEAT",
    "OPEN",
    "RESET",
    "TOPICS",
]

#: The first event of every stream of a hub.
OPEN = "stream-open"

#: Events were missed and cannot be replayed.
RESET = "stream-reset"

#: The source of a response has failed.
FAILED = "stream-error"

#: A run has begun.
BEGUN = "topic-begin"

#: A keepalive that a page can see.
HEARTBEAT = "stream-heartbeat"

#: The topics of the stream have changed.
TOPICS = "stream-topics"

#: A topic has ended, and its publisher gave no last event.
ENDED = "topic-end"

#: All types of control events.
CONTROL_EVENTS = frozenset({OPEN, RESET, FAILED, BEGUN, ENDED, HEARTBEAT, TOPICS})
