"""
The server's certificate and key, read and checked when the hub starts.
"""

from __future__ import annotations

from pathlib import Path

from OpenSSL import SSL, crypto
from twisted.internet.ssl import CertificateOptions

__all__ = ["read_certificate"]

_END = b"-----END CERTIFICATE-----"


def read_certificate(certificate: str, key: str) -> CertificateOptions:
    """
    Read what a TLS server needs: TLS 1.2 and newer.

    Args:
        certificate: A PEM file: the server's certificate, then those that it
            depends on, if there are any.

        key: A PEM file: the private key, without a passphrase.

    Raises:
        ValueError: A file cannot be read or holds something else, or the two
            do not belong together.
    """
    own, *chain = _certificates(certificate)
    options = CertificateOptions(
        privateKey=_private_key(key), certificate=own, extraCertChain=chain
    )
    try:
        options.getContext()
    except SSL.Error:
        raise ValueError(f"the key in {key} does not belong to {certificate}") from None
    return options


def _certificates(path: str) -> list[crypto.X509]:
    blocks = [block + _END for block in _read(path).split(_END)[:-1]]
    if not blocks:
        raise ValueError(f"there is no PEM certificate in {path}")
    try:
        return [crypto.load_certificate(crypto.FILETYPE_PEM, block) for block in blocks]
    except crypto.Error:
        raise ValueError(f"a certificate in {path} is damaged") from None


def _private_key(path: str) -> crypto.PKey:
    try:
        return crypto.load_privatekey(crypto.FILETYPE_PEM, _read(path), passphrase=b"")
    except (crypto.Error, ValueError, TypeError):
        raise ValueError(f"there is no PEM private key without passphrase in {path}") from None


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
