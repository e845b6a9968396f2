"""
Those who are trusted to sign the certificates of servers that we connect to.
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
    Read a PEM file of certificates that are trusted to sign others.

    Raises:
        ValueError: The file cannot be read, or holds something else.
    """
    try:
        found = _CERTIFICATE.findall(Path(path).read_bytes())
        certificates = [Certificate.loadPEM(one) for one in found]
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except Exception:
        # OpenSSL's errors have no other root.
        certificates = []
    if not certificates:
        raise ValueError(f"there is no PEM certificate in {path}")
    return certificates


def agent_trusting(authorities: Sequence[Certificate], connect_timeout: float) -> Agent:
    """
    An agent that believes in certificates that *authorities* have signed, and
    that are the host's.
    """
    from twisted.internet import reactor

    return Agent(
        reactor,
        contextFactory=BrowserLikePolicyForHTTPS(trustRootFromCertificates(authorities)),
        connectTimeout=connect_timeout,
        # One stream, one connection, closed when it is over.
        pool=HTTPConnectionPool(reactor, persistent=False),
    )
