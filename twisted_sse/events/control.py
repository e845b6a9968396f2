"""
Control events: what a server says of the stream itself, by their types.
"""

__all__ = ["CONTROL_EVENTS", "FAILED", "OPEN", "RESET"]

#: Begins every stream of a hub.
OPEN = "stream-open"

#: Says that events were missed and cannot be found.
RESET = "stream-reset"

#: Says that the source of a response has failed.
FAILED = "stream-error"

#: All of them.
CONTROL_EVENTS = frozenset({OPEN, RESET, FAILED})
