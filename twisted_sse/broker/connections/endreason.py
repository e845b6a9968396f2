"""
The reasons why connections end.
"""

import enum

__all__ = ["EndReason"]


class EndReason(enum.Enum):
    """
    Why a connection has ended.
    """

    #: The subscriber left, or the network failed.
    GONE = "gone"
    #: The application closed it.
    CLOSED = "closed"
    #: All its topics have ended, and it was sent everything.
    ENDED = "ended"
    #: The hub stops.
    DRAINED = "drained"
    #: Its reader took nothing for longer than the send time-out.
    SEND_TIMEOUT = "send-timeout"
    #: It fell behind everything that is kept, and the hub disconnects such readers.
    FELL_BEHIND = "fell-behind"
    #: Its grant expired.
    EXPIRED = "expired"
    #: Its grant was looked up again, and access was refused; or its token was removed.
    REVOKED = "revoked"
    #: It has lasted as long as the hub lets streams last.
    LIFETIME = "lifetime"
    #: It could not be served; the log says why.
    FAILED = "failed"
