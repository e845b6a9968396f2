"""
Those who are trusted to sign the certificates of servers that we connect to.
"""

from __future__ import annotations

import re
from pathlib import Path

from twisted.internet.ssl import Certificate

__all__ = ["read_authorities"]

_CERTIFICATE = re.compile(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def read_authorities(path: str) -> list[Certificate]:
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
