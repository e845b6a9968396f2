"""
Everything that can go wrong, by name.

Nothing here imports anything: every floor may raise these.
"""

__all__ = [
    "EventTooLarge",
    "Forbidden",
    "HistoryUnavailable",
    "HubClosed",
    "InvalidEvent",
    "InvalidSelector",
    "InvalidTopic",
    "NoContent",
    "TooManyConnections",
    "TooManyFromAddress",
    "TwistedSSEError",
    "Unauthorized",
    "UnknownEventID",
]


class TwistedSSEError(Exception):
    """
    The root of all errors that this package raises on purpose.
    """


class InvalidEvent(TwistedSSEError, ValueError):
    """
    An event that cannot be written without changing its meaning.
    """


class InvalidTopic(TwistedSSEError, ValueError):
    """
    A topic that nothing may be published to.
    """


class InvalidSelector(TwistedSSEError, ValueError):
    """
    A topic selector that cannot be understood.
    """


class EventTooLarge(TwistedSSEError):
    """
    A received event exceeds the decoder's bound.
    """


class UnknownEventID(TwistedSSEError, LookupError):
    """
    An event ID that history cannot find, so what followed it is not known.
    """


class HistoryUnavailable(TwistedSSEError):
    """
    The history provider cannot keep or find anything at present.
    """


class HubClosed(TwistedSSEError):
    """
    The hub is draining or has stopped, and takes nothing more.
    """


class TooManyConnections(TwistedSSEError):
    """
    One more connection would exceed the hub's limit.  Answered with 503.
    """


class TooManyFromAddress(TwistedSSEError):
    """
    One more connection would exceed the limit for its network address.
    Answered with 429.
    """


class Unauthorized(TwistedSSEError):
    """
    Who asks is not known, and has to be.  Answered with 401.
    """


class Forbidden(TwistedSSEError):
    """
    Who asks is known, and may not.  Answered with 403.
    """


class NoContent(Forbidden):
    """
    There is no stream for who asks, and never will be.  Answered with 204,
    after which browsers do not come back; publishers are answered with 403.
    """
