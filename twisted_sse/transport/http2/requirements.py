"""
What this package needs of Twisted's HTTP/2 beyond Twisted's public interface.

`twisted.web._http2` is private and may change with any release.  A version that
lacks something of this list must not serve HTTP/2.  Checked against Twisted 26.4.0
and 26.10.0.
"""

from __future__ import annotations

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
    "H2Stream": ["receiveDataChunk", "requestComplete", "windowUpdated", "flowControlBlocked"],
}


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
    # h2's, which comes with Twisted: see `statemachine`.
    return missing if hasattr(FrameBuffer(), "_data") else [*missing, "FrameBuffer._data"]
