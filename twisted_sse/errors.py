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
    "InvalidResponse",
    "InvalidSelector",
    "InvalidTopic",
    "NoContent",
    "NotSent",
    "OutcomeUnknown",
    "ReadTimeout",
    "TooManyAttempts",
    "TooManyConnections",
    "TooManyConnectionsFromAddress",
    "TwistedSSEError",
    "Unauthorized",
    "UnexpectedContentEncoding",
    "UnexpectedContentType",
    "UnexpectedStatus",
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


class TooManyConnectionsFromAddress(TwistedSSEError):
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


class UnexpectedStatus(TwistedSSEError):
    """
    A server has answered with a status that ends what was asked of it.

    Attributes:
        status: Such as 404.

        detail: What the answer says of it, in a sentence or in its first
            characters; may be empty.

        retry_after: After how many seconds it may be tried again, if the answer
            says so.
    """

    def __init__(
        self, message: str, status: int, detail: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


class UnexpectedContentType(TwistedSSEError):
    """
    A server has answered with something that is no event stream.

    Attributes:
        content_type: What it is instead; empty if the answer does not say.

        detail: The answer's first characters.
    """

    def __init__(self, message: str, content_type: str, detail: str = "") -> None:
        super().__init__(message)
        self.content_type = content_type
        self.detail = detail


class UnexpectedContentEncoding(TwistedSSEError):
    """
    A server has answered with a content encoding that the client cannot decode.

    Attributes:
        encoding: The ``Content-Encoding``, such as ``br``.
    """

    def __init__(self, message: str, encoding: str) -> None:
        super().__init__(message)
        self.encoding = encoding


class InvalidResponse(TwistedSSEError):
    """
    A server's response cannot be read: it is not HTTP, its headers are too large, or
    its compression is broken.
    """


class ReadTimeout(TwistedSSEError):
    """
    A server was silent for too long, comments included.
    """


class TooManyAttempts(TwistedSSEError):
    """
    A stream could not be had again, as often as it may be tried.  The last
    reason is the ``__cause__``.
    """


class NotSent(TwistedSSEError):
    """
    A publication could not be handed to its server, so it was not kept.  The
    reason is the ``__cause__``.
    """


class OutcomeUnknown(TwistedSSEError):
    """
    A publication was sent and not answered: whether it was kept is not known.
    """
