"""
The protocol between a TCP connection and what is encrypted on it.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.protocols.tls import TLSMemoryBIOProtocol

__all__ = ["TLSProtocol"]

# The most bytes that a connection hands to OpenSSL at once: enough for a handshake,
# and for the request of a stream.
_PART_BYTES = 4096


class TLSProtocol(TLSMemoryBIOProtocol):
    """
    Hands received data to OpenSSL in small parts.

    OpenSSL's buffer grows with the largest part and never shrinks: measured, 87
    instead of 29 KiB for a connection that has sent 60 kB.

    Attributes:
        on_received: Called after data was received: OpenSSL may have answered, to an
            update of the keys for example, and the answer may still be in the
            transport's buffer.
    """

    on_received: Callable[[], object] | None = None

    def dataReceived(self, bytes: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        for start in range(0, len(bytes), _PART_BYTES):
            super().dataReceived(bytes[start : start + _PART_BYTES])
        if self.on_received is not None:
            self.on_received()
