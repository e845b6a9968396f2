"""
What this package needs of Twisted's HTTP/2 beyond Twisted's public interface.

`twisted.web._http2` is private and may change with any release.  A version that
lacks something of this list must not serve HTTP/2.  Checked against Twisted 26.4.0
and 26.10.0.
"""

from __future__ import annotations

from h2.connection import H2Connection as H2Machine
from h2.frame_buffer import FrameBuffer
from twisted.web import _http2

__all__ = ["unmet_requirements"]

# The methods that are called or replaced here, by class.
_REQUIRED = {
    "H2Connection": [
        *["_requestReceived", "_requestDone", "_tryToWriteControlData", "_send100Continue"],
        *["openStreamWindow", "writeHeaders", "forceAbortClient", "timeoutConnection"],
        *["_flushBufferedControlData", "abortTimeout"],
    ],
    "H2Stream": [
        *["receiveDataChunk", "requestComplete", "windowUpdated", "flowControlBlocked"],
        "_send100Continue",
    ],
}

_H2_BUFFER = ["_data", "_headers_buffer"]
_H2_METHODS = ["_receive_frame", "_receive_headers_frame"]


def unmet_requirements(implementation: object = _http2) -> list[str]:
    """
    List what the installed Twisted and h2 lack.

    Args:
        implementation: Twisted's module for HTTP/2.

    Returns:
        The missing attributes, for example ``H2Stream.windowUpdated``; empty if
        nothing is missing.
    """
    missing = [
        f"{class_name}.{name}"
        for class_name, names in _REQUIRED.items()
        for name in names
        if not hasattr(getattr(implementation, class_name, None), name)
    ]
    # h2's, which comes with Twisted: see `statemachine` and `frames`.
    buffer = FrameBuffer()
    missing += [f"FrameBuffer.{name}" for name in _H2_BUFFER if not hasattr(buffer, name)]
    missing += [f"H2Connection.{name}" for name in _H2_METHODS if not hasattr(H2Machine, name)]
    return missing
