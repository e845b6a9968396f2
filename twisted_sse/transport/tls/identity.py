"""
The server's certificates and keys, read and checked.

Everything here raises `CertificateError` with half a sentence that names the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    SubjectAlternativeName,
    load_pem_x509_certificates,
)

__all__ = [
    "CertificateError",
    "CertificateFiles",
    "Identity",
    "pair_files",
    "read_certificates",
    "read_identity",
    "read_key",
    "read_passphrase",
]

# RFC 7468: "-----BEGIN PRIVATE KEY-----", with ENCRYPTED, RSA or EC before PRIVATE.
_KEY_BEGINS = re.compile(rb"^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----", re.MULTILINE)

Culprit = Literal["certificate", "key", "passphrase"]


class CertificateError(ValueError):
    """
    A certificate that cannot be served.

    Args:
        culprit: What has to be changed.

        reason: What is wrong with it, in half a sentence.
    """

    def __init__(self, culprit: Culprit, reason: str) -> None:
        super().__init__(reason)
        self.culprit = culprit


class CertificateFiles(NamedTuple):
    """
    Where a certificate is, and its key.

    Attributes:
        certificate: A PEM file: the server's certificate, then those that it
            depends on.

        key: A PEM file; if there is none, the key is in the first one.
    """

    certificate: str
    key: str | None = None

    def absolute(self) -> CertificateFiles:
        """
        The same files, wherever this process goes: twistd changes its directory.
        """
        key = None if self.key is None else str(Path(self.key).absolute())
        return CertificateFiles(str(Path(self.certificate).absolute()), key)

    def stamp(self) -> tuple[object, ...]:
        """
        Something that differs when one of the files has been changed or replaced.
        """
        return tuple(_stamp(path) for path in self if path is not None)


@dataclass(frozen=True)
class Identity:
    """
    What a server shows to clients, and proves.

    Attributes:
        certificates: Its own, then those that it depends on.

        key: That of the first one; two identities with the same certificates
            have the same key.

        names: The DNS names of the first one, in lower case; a name may begin
            with ``*.``.
    """

    certificates: tuple[Certificate, ...]
    key: Any = field(compare=False, repr=False)
    names: tuple[str, ...]

    @property
    def until(self) -> datetime:
        """
        When it expires, in UTC.
        """
        return self.certificates[0].not_valid_after_utc


def pair_files(certificates: Sequence[str], keys: Sequence[str]) -> list[CertificateFiles]:
    """
    The first key belongs to the first certificate, and so on.

    Certificates without one have it in their own file.

    Raises:
        CertificateError: There are more keys than certificates.
    """
    if len(keys) > len(certificates):
        raise CertificateError("key", "it needs --tls-cert, the certificate of this key")
    # An empty name has no key behind it: nobody can mean it.
    return [CertificateFiles(one, key) for one, key in zip_longest(certificates, keys)]


def read_passphrase(path: str) -> bytes:
    """
    Read the passphrase of a key: the file's first line.

    Raises:
        CertificateError: The file cannot be read, or has something else.
    """
    lines = _read(path, "passphrase").splitlines()
    if len(lines) != 1 or not lines[0]:
        raise CertificateError("passphrase", f"{path} is not one line, the passphrase")
    return lines[0]


def read_identity(files: CertificateFiles, passphrase: bytes | None = None) -> Identity:
    """
    Read a certificate with its key, and see that they can be used today.

    Args:
        passphrase: Opens the key, if it has one.

    Raises:
        CertificateError: They cannot.
    """
    certificates = read_certificates(files.certificate)
    key = _key_beside(files, passphrase)
    if certificates[0].public_key() != key.public_key():
        place = files.key or files.certificate
        raise CertificateError(
            "key",
            f"the key in {place} is not the key of the certificate in {files.certificate}",
        )
    _check_dates(certificates[0], files.certificate)
    return Identity(tuple(certificates), key, _names(certificates[0]))


def read_certificates(path: str) -> list[Certificate]:
    """
    Read a PEM file: the server's certificate, then those that it depends on.

    Raises:
        CertificateError: The file cannot be read, or holds something else.
    """
    pem = _read(path, "certificate")
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise CertificateError("certificate", f"there is no PEM certificate in {path}") from None


def read_key(path: str, passphrase: bytes | None = None) -> Any:
    """
    Read a PEM file: a private key.

    Raises:
        CertificateError: The file cannot be read, or holds something else, or
            more than one key, or a key that *passphrase* does not open.
    """
    pem = _read(path, "key")
    if len(_KEY_BEGINS.findall(pem)) > 1:
        raise CertificateError("key", f"there is more than one private key in {path}")
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError:
        return _unlock(pem, passphrase, path)
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("key", f"there is no PEM private key in {path}") from None


def _unlock(pem: bytes, passphrase: bytes | None, path: str) -> Any:
    if passphrase is None:
        raise CertificateError(
            "key", f"the key in {path} has a passphrase; write it to a --tls-passphrase-file"
        )
    try:
        return load_pem_private_key(pem, password=passphrase)
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(
            "passphrase", f"the key in {path} does not open with this passphrase"
        ) from None


def _key_beside(files: CertificateFiles, passphrase: bytes | None) -> Any:
    if files.key is not None:
        return read_key(files.key, passphrase)
    if not _KEY_BEGINS.search(_read(files.certificate, "certificate")):
        raise CertificateError(
            "certificate",
            f"it needs --tls-key: there is no private key in {files.certificate} itself",
        )
    return read_key(files.certificate, passphrase)


def _check_dates(certificate: Certificate, path: str) -> None:
    # Only the server's own: roots that have expired travel in good chains.
    now = datetime.now(UTC)
    if now > certificate.not_valid_after_utc:
        when = f"expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    elif now < certificate.not_valid_before_utc:
        when = f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    else:
        return
    raise CertificateError("certificate", f"the certificate in {path} {when}")


def _names(certificate: Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in found.value.get_values_for_type(DNSName))


def _stamp(path: str) -> object:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: str, culprit: Culprit) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CertificateError(culprit, f"{path} cannot be read: {error.strerror}") from None
