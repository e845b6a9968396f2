"""
The CA certificates that clients in this package trust.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool

__all__ = ["agent_trusting", "load_ca_certificates"]

_CERTIFICATE = re.compile(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def load_ca_certificates(path: str) -> list[Certificate]:
    """
    Read the CA certificates in a PEM file.

    Raises:
        ValueError: The file cannot be read, or has no certificate.
    """
    try:
        found = _CERTIFICATE.findall(Path(path).read_bytes())
        certificates = [Certificate.loadPEM(one) for one in found]
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except Exception:
        # OpenSSL's errors have no narrower base class.
        certificates = []
    if not certificates:
        raise ValueError(f"there is no PEM certificate in {path}")
    return certificates


def agent_trusting(ca_certificates: Sequence[Certificate], connect_timeout: float) -> Agent:
    """
    Make an agent that trusts a host whose certificate one of *ca_certificates* signed.
    """
    from twisted.internet import reactor

    return Agent(
        reactor,
        contextFactory=BrowserLikePolicyForHTTPS(trustRootFromCertificates(ca_certificates)),
        connectTimeout=connect_timeout,
        # Each event stream has a connection of its own, which closes with the stream.
        pool=HTTPConnectionPool(reactor, persistent=False),
    )
