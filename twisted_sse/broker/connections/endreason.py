"""
Why connections end.
"""

import enum

__all__ = ["EndReason"]


class EndReason(enum.Enum):
    """
    Why a connection has ended.
    """

    #: The subscriber left, or the network did.
    GONE = "gone"
    #: The application closed it.
    CLOSED = "closed"
    #: It was told to go because the hub stops.
    DRAINED = "drained"
    #: It took nothing for longer than the send time-out.
    SEND_TIMEOUT = "send-timeout"
    #: It fell behind everything that is kept, and such readers are let go.
    FELL_BEHIND = "fell-behind"
    #: The time is over that its grant was for.
    EXPIRED = "expired"
    #: Its grant was asked for again, and there is none any more.
    REVOKED = "revoked"
    #: It could not be served, and the log says why.
    FAILED = "failed"
