"""
The certificate that the client of a request has shown.

The cryptography package is imported for its types only, because that takes long and every
program that publishes needs this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.web.server import Request

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["peer_certificate"]


def peer_certificate(request: Request) -> Certificate | None:
    """
    The certificate that the client of *request* has shown; ``None`` if there is none, or
    if the client has left.
    """
    channel: Any = getattr(request, "channel", None)
    # An HTTP/2 stream belongs to a connection, which has the transport.
    transport = getattr(getattr(channel, "_conn", channel), "transport", None)
    read = getattr(transport, "getPeerCertificate", None)
    found = None if read is None else read()
    return None if found is None else found.to_cryptography()
