"""
Why something came to nothing.
"""

from __future__ import annotations

from twisted.python.failure import Failure
from twisted.web.client import (
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
)

__all__ = ["root_of"]

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
