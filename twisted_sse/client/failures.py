"""
What a failed request means: why it failed, and whether anything was sent.

Either nothing was sent (`NotSent`), or the outcome is unknown
(`OutcomeUnknown`).  A connection that is lost cannot tell more.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.client import (
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
)

from twisted_sse.client.cancellation import Wait
from twisted_sse.errors import NotSent, OutcomeUnknown

__all__ = ["meaning_of", "root_cause", "run_request", "too_late"]

T = TypeVar("T")

# No connection was made, so nothing has left this machine.
_UNCONNECTED = (ConnectError, ConnectingCancelledError, DNSLookupError)

# The connection was lost.
_CLOSED = (ConnectionClosed, RequestTransmissionFailed, ResponseFailed)

# Twisted wraps the cause in these; their first reason is the earliest one.
_WRAPPERS = (RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed)


def root_cause(failure: Failure | Exception) -> Exception:
    """
    Return the innermost error of a failure, such as a certificate's.
    """
    error = failure.value if isinstance(failure, Failure) else failure
    while isinstance(error, _WRAPPERS) and error.reasons:
        error = error.reasons[0].value
    assert isinstance(error, Exception), error
    return error


def meaning_of(error: Exception, url: str) -> Exception:
    """
    Tell what *error* means for a request to *url*.

    Returns:
        `NotSent`; `OutcomeUnknown`; `CancelledError` if the caller cancelled the
        request; or *error* itself if it is not a network error.
    """
    if isinstance(error, _UNCONNECTED):
        return _not_sent(url, error)
    return _lost(url, error) if isinstance(error, _CLOSED) else error


def too_late(result: Any, timeout: float) -> Any:
    """
    See *onTimeoutCancel* of `Deferred.addTimeout`.
    """
    # A connection that could not be made in time is its own reason.
    if isinstance(result, Failure) and not result.check(*_UNCONNECTED):
        raise OutcomeUnknown(f"No response came within {timeout:g} seconds.") from result.value
    return result


async def run_request(
    steps: Coroutine[Any, Any, T], url: str, timeout: float, clock: IReactorTime
) -> T:
    """
    Run *steps*, which make a request to *url*, for at most *timeout* seconds.

    Raises:
        NotSent, OutcomeUnknown, CancelledError: See `meaning_of`.

        Exception: Any other error of *steps*.
    """
    working = Deferred.fromCoroutine(steps)
    working.addTimeout(timeout, clock, too_late)
    try:
        return await Wait(working).done
    except Exception as error:
        meaning = meaning_of(error, url)
        if meaning is error:
            raise
        raise meaning from error


def _lost(url: str, error: Exception) -> Exception:
    reasons = [reason.value for reason in getattr(error, "reasons", [])] or [error]
    for reason in reasons:
        if isinstance(reason, CancelledError):
            return reason
        # This side has ended the TLS handshake, so nothing was sent.
        untrusted = isinstance(reason, SSL.Error) and "certificate verify failed" in str(reason)
        if isinstance(reason, VerificationError) or untrusted:
            return _not_sent(url, reason)
    return OutcomeUnknown(f"The connection to {url} was lost before the response: {reasons[0]}")


def _not_sent(url: str, reason: BaseException) -> NotSent:
    return NotSent(f"{url} cannot be reached: {reason}")
