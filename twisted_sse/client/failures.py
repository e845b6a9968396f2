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
    ResponseDone,
    ResponseFailed,
)
from twisted.web.http import PotentialDataLoss

from twisted_sse.client.cancellation import Wait
from twisted_sse.errors import InvalidResponse, NotSent, OutcomeUnknown, TwistedSSEError

__all__ = ["loss_reason", "meaning_of", "run_request", "too_late"]

T = TypeVar("T")

# No connection was made, so nothing has left this machine.
_UNCONNECTED = (ConnectError, ConnectingCancelledError, DNSLookupError)

# The connection was lost.
_CLOSED = (ConnectionClosed, RequestTransmissionFailed, ResponseFailed)

# Any other error of a response comes from Twisted's parser, which has many.
_NETWORK = (*(CancelledError, ConnectionClosed, OSError, TwistedSSEError), VerificationError)

# Errors of OpenSSL for a peer that does not speak TLS; the text depends on its version.
_PLAIN_PEER = ("wrong version number", "packet length too long", "record layer failure")

# Errors of OpenSSL and of this client before the first byte is sent.
_UNTRUSTED = "certificate verify failed"
_HANDSHAKE = (_UNTRUSTED, *_PLAIN_PEER, "handshake")

# Twisted wraps the cause in these; their first reason is the earliest one.
_WRAPPERS = (RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed)


def loss_reason(failure: Failure | Exception) -> Exception:
    """
    Return the innermost error of a failure, such as a certificate's, with a sentence.
    """
    error = failure.value if isinstance(failure, Failure) else failure
    was_sent = False
    while isinstance(error, _WRAPPERS) and error.reasons:
        was_sent = was_sent or isinstance(error, ResponseFailed)
        error = error.reasons[0].value
    assert isinstance(error, Exception), error
    described: Exception
    if isinstance(error, ResponseDone | PotentialDataLoss):
        described = type(error)("The server has ended the stream.")
    elif isinstance(error, SSL.Error):
        described = SSL.Error(_tls_sentence(error))
    elif was_sent and not isinstance(error, _NETWORK):
        described = InvalidResponse(f"The response is not valid HTTP: {_text(error)}.")
    elif isinstance(error, _WRAPPERS) or not str(error).strip("."):
        described = InvalidResponse(f"The stream has failed: {type(error).__name__}.")
    else:
        return error
    described.__cause__ = error
    return described


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
        # The TLS handshake has failed, so nothing was sent.
        failed = isinstance(reason, SSL.Error) and any(one in str(reason) for one in _HANDSHAKE)
        if isinstance(reason, VerificationError) or failed:
            return _not_sent(url, loss_reason(reason))
    reason = loss_reason(error)
    return OutcomeUnknown(f"The connection to {url} was lost before the response: {reason}")


def _not_sent(url: str, reason: BaseException) -> NotSent:
    return NotSent(f"{url} cannot be reached: {reason}")


def _tls_sentence(error: SSL.Error) -> str:
    first = error.args[0] if error.args else None
    if isinstance(first, str):
        return first
    text = str(error)
    if any(one in text for one in _PLAIN_PEER):
        return f"The server does not speak TLS on this port ({text}): use http:// for https://."
    if _UNTRUSTED in text:
        return f"The server's certificate is not trusted: {_UNTRUSTED}."
    reasons = [one[-1] for one in first] if isinstance(first, list) else list(error.args[1:])
    return f"TLS has failed: {', '.join(map(str, reasons)) or 'the connection was closed'}."


def _text(error: Exception) -> str:
    text = ": ".join(map(str, error.args)) or type(error).__name__
    return text[:200].removesuffix(".")
