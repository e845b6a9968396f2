"""
The exceptions of this package.

This module imports nothing of the package, so every other module may raise them.
"""

from collections.abc import Iterable

__all__ = [
    "EndsNotKept",
    "EventTooLarge",
    "Forbidden",
    "HistoryUnavailable",
    "HubClosed",
    "InvalidEvent",
    "InvalidResponse",
    "InvalidSelector",
    "InvalidToken",
    "InvalidTopic",
    "NoContent",
    "NotSent",
    "OutcomeUnknown",
    "PerhapsKept",
    "ReadTimeout",
    "RunLost",
    "RunsNotKept",
    "TooManyAttempts",
    "TooManyConnections",
    "TooManyConnectionsFromAddress",
    "TooManyConnectionsOfUser",
    "TooManyPublications",
    "TooManyRuns",
    "TooManyRunsOfUser",
    "TooManyTopics",
    "TopicEnded",
    "TwistedSSEError",
    "Unauthorized",
    "UnexpectedContentEncoding",
    "UnexpectedContentType",
    "UnexpectedStatus",
    "UnknownEventID",
]


class TwistedSSEError(Exception):
    """
    The base class of all errors that this package raises on purpose.
    """


class InvalidEvent(TwistedSSEError, ValueError):
    """
    An event that cannot be written without changing its meaning.
    """


class InvalidTopic(TwistedSSEError, ValueError):
    """
    A topic that cannot be published to.
    """


class TooManyTopics(InvalidTopic):
    """
    One event has more topics than may be published to at once.
    """


class InvalidSelector(TwistedSSEError, ValueError):
    """
    A topic selector that is not well formed.
    """


class EventTooLarge(TwistedSSEError):
    """
    A received event exceeds the decoder's limit.
    """


class UnknownEventID(TwistedSSEError, LookupError):
    """
    An event ID that history cannot find, so the events after it are unknown.
    """


class HistoryUnavailable(TwistedSSEError):
    """
    The history provider cannot keep or find publications at present.
    """


class EndsNotKept(TwistedSSEError):
    """
    The history provider cannot keep that a topic has ended.  Answered with 501.
    """


class TopicEnded(TwistedSSEError):
    """
    A topic has ended, so nothing more can be published to it.  Answered with 409.

    Attributes:
        topics: The topics that have ended.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = tuple(topics)
        # A topic may be long.
        name = repr(self.topics[0])[:100] if self.topics else "of these"
        super().__init__(f"The topic {name} has ended: publish to another one.")


class RunsNotKept(TwistedSSEError):
    """
    The history provider cannot keep runs.
    """


class TooManyRuns(TwistedSSEError):
    """
    One more run would exceed the limit of this process.  Answered with 503.
    """


class TooManyRunsOfUser(TwistedSSEError):
    """
    One more run would exceed the limit of its user.  Answered with 429.
    """


class RunLost(TwistedSSEError):
    """
    A run has ended, or has another owner, so its owner cannot publish to it any more.

    Attributes:
        topics: The topics of the runs.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = tuple(topics)
        name = repr(self.topics[0])[:100] if self.topics else "of these"
        super().__init__(f"The run of the topic {name} has ended, or was begun anew.")


class HubClosed(TwistedSSEError):
    """
    The hub is draining or has stopped, and accepts no more publications or
    connections.
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


class TooManyConnectionsOfUser(TwistedSSEError):
    """
    One more connection would exceed the limit for its user.  Answered with 429.
    """


class TooManyPublications(TwistedSSEError):
    """
    A publisher has sent more than its rate allows.  Answered with 429.

    Attributes:
        retry_after: The number of seconds after which the publisher may send again.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unauthorized(TwistedSSEError):
    """
    The request lacks valid credentials.  Answered with 401.
    """


class InvalidToken(Unauthorized):
    """
    The request has a token that is not valid.  Answered with 401 and the error code
    ``invalid_token``.
    """


class Forbidden(TwistedSSEError):
    """
    The credentials do not permit the request.  Answered with 403.
    """


class NoContent(Forbidden):
    """
    The subscriber will never get a stream.  Answered with 204, after which
    browsers do not reconnect; publishers are answered with 403.
    """


class UnexpectedStatus(TwistedSSEError):
    """
    A server has answered with a status that ends the request.

    Attributes:
        status: The status code, such as 404.

        detail: The explanation in the answer: a sentence, or the first
            characters of the body; may be empty.

        retry_after: The number of seconds to wait before trying again; ``None``
            if the answer does not say.
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
    A server has answered with something other than an event stream.

    Attributes:
        content_type: The content type of the answer; empty if it has none.

        detail: The first characters of the body.
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
    A server has sent nothing for too long, not even a comment.
    """


class TooManyAttempts(TwistedSSEError):
    """
    Every permitted attempt to open a stream again has failed.  The last reason
    is the ``__cause__``.
    """


class NotSent(TwistedSSEError):
    """
    A publication could not be sent to the server, so it was not kept.  The
    reason is the ``__cause__``.
    """


class OutcomeUnknown(TwistedSSEError):
    """
    A publication was sent but not answered, so it may have been kept or not.
    """


class PerhapsKept(HistoryUnavailable, OutcomeUnknown):
    """
    The history provider was handed publications and has not said whether it has
    kept them.  Answered with 503 and ``"kept": "unknown"``.
    """
