"""
The server's certificate and key, read and checked when the hub starts.

Everything here raises `ValueError` with half a sentence that names the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates
from OpenSSL import SSL
from twisted.internet.ssl import CertificateOptions

__all__ = ["read_certificates", "read_key", "server_options"]


def read_certificates(path: str) -> list[Certificate]:
    """
    Read a PEM file: the server's certificate, then those that it depends on.

    Raises:
        ValueError: The file cannot be read, or holds something else.
    """
    try:
        return load_pem_x509_certificates(_read(path))
    except ValueError as error:
        raise ValueError(_reason(error) or f"there is no PEM certificate in {path}") from None


def read_key(path: str) -> Any:
    """
    Read a PEM file: a private key, without a passphrase.

    Raises:
        ValueError: The file cannot be read, or holds something else.
    """
    try:
        return load_pem_private_key(_read(path), password=None)
    except TypeError:
        raise ValueError(f"the key in {path} has a passphrase; store it without one") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(_reason(error) or f"there is no PEM private key in {path}") from None


def server_options(certificates: Sequence[Certificate], key: Any) -> CertificateOptions:
    """
    What a TLS server needs: TLS 1.2 and newer.

    Raises:
        ValueError: The key is not the first certificate's.
    """
    # pyOpenSSL takes these and warns of its own kind, which Twisted's types name.
    given: list[Any] = list(certificates)
    own, *chain = given
    options = CertificateOptions(privateKey=key, certificate=own, extraCertChain=chain)
    try:
        options.getContext()
    except (SSL.Error, TypeError):
        # TypeError: a kind of key that TLS cannot use, so no certificate has it.
        raise ValueError("it is not the key of the certificate in --tls-cert") from None
    return options


class _Unreadable(ValueError):
    """
    There is no such file, or it may not be read.
    """


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _Unreadable(f"{path} cannot be read: {error.strerror}") from None


def _reason(error: Exception) -> str | None:
    return str(error) if isinstance(error, _Unreadable) else None
