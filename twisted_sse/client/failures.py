"""
What the failure of a request says of what was sent with it.

Nothing was sent, or nobody knows: there is no third.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.python.failure import Failure
from twisted.web.client import (
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
)

from twisted_sse.errors import NotSent, OutcomeUnknown

__all__ = ["meaning_of", "root_of", "too_late"]

# The connection could not be made, so nothing has left this machine.
_UNCONNECTED = (ConnectError, ConnectingCancelledError, DNSLookupError)

# They hold others, that say more.
_CLOSED = (ConnectionClosed, RequestTransmissionFailed, ResponseFailed)


def meaning_of(error: Exception, url: str) -> Exception:
    """
    What *error* means for what was sent to *url*.

    Returns:
        `NotSent`, `OutcomeUnknown`, `CancelledError` if the caller has cancelled;
        or *error* as it is, if it is none of the network's.
    """
    if isinstance(error, _UNCONNECTED):
        return _not_sent(url, error)
    return _lost(url, error) if isinstance(error, _CLOSED) else error


def too_late(result: Any, timeout: float) -> Any:
    """
    See *onTimeoutCancel* of `Deferred.addTimeout`.
    """
    # What could not even be connected says so itself.
    if isinstance(result, Failure) and not result.check(*_UNCONNECTED):
        raise OutcomeUnknown(f"No answer has come within {timeout:g} seconds.") from result.value
    return result


def _lost(url: str, error: Exception) -> Exception:
    reasons = [reason.value for reason in getattr(error, "reasons", [])] or [error]
    for reason in reasons:
        if isinstance(reason, CancelledError):
            return reason
        # A handshake that fails at our side, before anything was sent.
        untrusted = isinstance(reason, SSL.Error) and "certificate verify failed" in str(reason)
        if isinstance(reason, VerificationError) or untrusted:
            return _not_sent(url, reason)
    return OutcomeUnknown(f"The connection to {url} was lost before the answer: {reasons[0]}")


def _not_sent(url: str, reason: BaseException) -> NotSent:
    return NotSent(f"{url} cannot be reached: {reason}")


# What Twisted wraps around the reason, and what comes first in it.
_WRAPPERS = (RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed)


def root_of(failure: Failure | Exception) -> Exception:
    """
    What lies at the bottom of a failure, such as what was wrong with a certificate.
    """
    error = failure.value if isinstance(failure, Failure) else failure
    while isinstance(error, _WRAPPERS) and error.reasons:
        error = error.reasons[0].value
    assert isinstance(error, Exception), error
    return error
