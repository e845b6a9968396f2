"""
Reads and checks the server's certificates and keys.

Every problem raises `CertificateError`, whose reason names the file.
"""

from __future__ import annotations

import os
import re
from codecs import BOM_UTF8
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
    "file_stamp",
    "pair_files",
    "read_ca_certificates",
    "read_certificates",
    "read_identity",
    "read_key",
    "read_passphrase",
]

# RFC 7468: "-----BEGIN PRIVATE KEY-----", with ENCRYPTED, RSA or EC before PRIVATE.
_KEY_HEADER = re.compile(rb"^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----", re.MULTILINE)

Culprit = Literal["certificate", "key", "passphrase", "client-ca"]


class CertificateError(ValueError):
    """
    A certificate or its key cannot be used.

    Args:
        culprit: What the user has to change.

        reason: What is wrong, as part of a sentence: it has no capital and no period.
    """

    def __init__(self, culprit: Culprit, reason: str) -> None:
        super().__init__(reason)
        self.culprit = culprit


class CertificateFiles(NamedTuple):
    """
    The files of a certificate and its key.

    Attributes:
        certificate: A PEM file: the server's certificate, followed by the
            intermediate certificates.

        key: A PEM file; ``None`` if *certificate* contains the key.
    """

    certificate: str
    key: str | None = None

    def absolute(self) -> CertificateFiles:
        """
        Return the same files by absolute paths: twistd changes its directory.
        """
        key = None if self.key is None else str(Path(self.key).absolute())
        return CertificateFiles(str(Path(self.certificate).absolute()), key)

    def stamp(self) -> tuple[object, ...]:
        """
        Return a value that differs after a file was changed or replaced.
        """
        return tuple(file_stamp(path) for path in self if path is not None)


@dataclass(frozen=True)
class Identity:
    """
    A server's certificate with its chain and its key.

    Attributes:
        certificates: The server's certificate, followed by the intermediate ones.

        key: The key of the first certificate.  It is not compared: the same
            certificates have the same key.

        names: The DNS names of the first certificate, in lower case; a name may
            begin with ``*.``.
    """

    certificates: tuple[Certificate, ...]
    key: Any = field(compare=False, repr=False)
    names: tuple[str, ...]

    @property
    def expires(self) -> datetime:
        """
        When the first certificate expires, in UTC.
        """
        return self.certificates[0].not_valid_after_utc


def pair_files(certificates: Sequence[str], keys: Sequence[str]) -> list[CertificateFiles]:
    """
    Pair each certificate file with the key file at the same position.

    Certificates beyond the last key file have to contain their keys.

    Raises:
        CertificateError: There are more keys than certificates.
    """
    if len(keys) > len(certificates):
        raise CertificateError(
            "key", "there are more keys than certificates; each key needs --tls-cert"
        )
    return [CertificateFiles(one, key) for one, key in zip_longest(certificates, keys)]


def read_passphrase(path: str) -> bytes:
    """
    Read the passphrase of a key from a file with one line.

    Raises:
        CertificateError: The file cannot be read, or does not have one line.
    """
    lines = _read(path, "passphrase").splitlines()
    if len(lines) != 1 or not lines[0]:
        raise CertificateError("passphrase", f"{path} must have one line, the passphrase")
    return lines[0]


def read_identity(files: CertificateFiles, passphrase: bytes | None = None) -> Identity:
    """
    Read a certificate and its key, and check that they belong together and are valid.

    Args:
        passphrase: Decrypts the key, if it is encrypted.

    Raises:
        CertificateError: They cannot be read or used.
    """
    certificates = read_certificates(files.certificate)
    key = _read_key_of(files, passphrase)
    if certificates[0].public_key() != key.public_key():
        path = files.key or files.certificate
        raise CertificateError(
            "key",
            f"the key in {path} is not the key of the certificate in {files.certificate}",
        )
    _check_dates(certificates[0], files.certificate)
    return Identity(tuple(certificates), key, _names(certificates[0]))


def read_certificates(path: str) -> list[Certificate]:
    """
    Read a PEM file: the server's certificate, then the intermediate ones.

    Raises:
        CertificateError: The file cannot be read, or has no certificate.
    """
    return _read_certificates(path, "certificate")


def read_ca_certificates(path: str) -> list[Certificate]:
    """
    Read a PEM file with the CA certificates of clients.

    Raises:
        CertificateError: The file cannot be read, or has no certificate.
    """
    return _read_certificates(path, "client-ca")


def _read_certificates(path: str, culprit: Culprit) -> list[Certificate]:
    pem = _read(path, culprit)
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise CertificateError(culprit, f"there is no PEM certificate in {path}") from None


def read_key(path: str, passphrase: bytes | None = None) -> Any:
    """
    Read a private key from a PEM file.

    Raises:
        CertificateError: The file cannot be read, does not have exactly one key, or
            has a key that *passphrase* does not decrypt.
    """
    pem = _read(path, "key")
    if len(_KEY_HEADER.findall(pem)) > 1:
        raise CertificateError("key", f"there is more than one private key in {path}")
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError:
        return _decrypt(pem, passphrase, path)
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("key", f"there is no PEM private key in {path}") from None


def _decrypt(pem: bytes, passphrase: bytes | None, path: str) -> Any:
    if passphrase is None:
        raise CertificateError(
            "key", f"the key in {path} has a passphrase; write it to a --tls-passphrase-file"
        )
    try:
        return load_pem_private_key(pem, password=passphrase)
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(
            "passphrase", f"this passphrase does not decrypt the key in {path}"
        ) from None


def _read_key_of(files: CertificateFiles, passphrase: bytes | None) -> Any:
    if files.key is not None:
        return read_key(files.key, passphrase)
    if not _KEY_HEADER.search(_read(files.certificate, "certificate")):
        raise CertificateError(
            "certificate",
            f"there is no private key in {files.certificate}, so it needs --tls-key",
        )
    return read_key(files.certificate, passphrase)


def _check_dates(certificate: Certificate, path: str) -> None:
    # Only the server's own: valid chains may include roots that have expired.
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


def file_stamp(path: str) -> object:
    """
    Return a value that differs after the file was changed or replaced.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: str, culprit: Culprit) -> bytes:
    try:
        # Some editors write a byte-order mark before UTF-8 text.
        return Path(path).read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        raise CertificateError(culprit, f"{path} cannot be read: {error.strerror}") from None
