"""
What a ``--port`` says beside where to listen: PROXY protocol, and TLS.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["PortDescription"]

# What precedes the description of a port that speaks the PROXY protocol.
_PROXIED = "haproxy:"

# What precedes the description of a port that has the certificates of --tls-cert.  Plugins have
# kinds of the same name, with a path after it.
_SECURED = re.compile(r"tls:(?=[0-9]+\Z|(?:tcp[46]?|unix|systemd):)", re.IGNORECASE)

# The kinds of endpoint that have certificates of their own.
_TLS_ENDPOINTS = ("ssl:", "tls:")


class PortDescription(NamedTuple):
    """
    Attributes:
        endpoint: What Twisted, or the number of a port, says about the socket.

        proxied: Whether the PROXY protocol precedes what clients send.

        secured: Whether it has the certificates of ``--tls-cert``, if there are any.

        needs_certificate: Whether it has no meaning without them.
    """

    endpoint: str
    proxied: bool
    secured: bool
    needs_certificate: bool

    @classmethod
    def parse(cls, text: str) -> PortDescription:
        """
        Split the value of a ``--port``.
        """
        rest = text.removeprefix(_PROXIED)
        endpoint = _SECURED.sub("", rest, count=1)
        marked = endpoint != rest
        return cls(endpoint, rest != text, marked or endpoint.isdigit(), marked)

    @property
    def has_own_certificate(self) -> bool:
        """
        Whether its endpoint speaks TLS by itself.
        """
        return self.endpoint.startswith(_TLS_ENDPOINTS)

    @property
    def with_certificate(self) -> str:
        """
        How to write it with the certificates of ``--tls-cert``.
        """
        return f"{_PROXIED if self.proxied else ''}tls:{self.endpoint}"

    @property
    def can_be_secured(self) -> bool:
        """
        Whether ``tls:`` before it has a meaning.
        """
        return _SECURED.match(f"tls:{self.endpoint}") is not None
