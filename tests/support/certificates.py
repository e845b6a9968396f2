"""
Self-signed certificates.
"""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

__all__ = ["Key", "names_on", "trust_everything", "write_certificate"]

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def write_certificate(
    directory: Path,
    *names: str,
    key: Key | None = None,
    since: timedelta = timedelta(minutes=-1),
    until: timedelta = timedelta(hours=1),
    passphrase: bytes | None = None,
) -> tuple[Path, Path]:
    """
    Make a key and a certificate, and write both into *directory*, replacing older ones.

    Args:
        names: The DNS names in the certificate; ``localhost`` by default.

        key: The key; a new elliptic-curve key by default.

        since: The start of its validity, relative to now.

        until: The end of its validity, relative to now.

        passphrase: Encrypts the key's file.

    Returns:
        The PEM files of the certificate and of the key.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(names or ("localhost",), key, since, until)
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return (
        _replace(directory / "certificate.pem", certificate.public_bytes(Encoding.PEM)),
        _replace(
            directory / "key.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        ),
    )


def trust_everything() -> ssl.SSLContext:
    """
    Return a client's context that accepts any certificate.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def names_on(certificate: bytes | None) -> list[str]:
    """
    Return the DNS names in a certificate in DER, as `ssl` returns it.
    """
    assert certificate is not None, "the server has sent no certificate"
    extensions = x509.load_der_x509_certificate(certificate).extensions
    found = extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value.get_values_for_type(x509.DNSName)


def _sign(names: tuple[str, ...], key: Key, since: timedelta, until: timedelta) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    others = [*map(x509.DNSName, names), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + since)
        .not_valid_after(now + until)
        .add_extension(x509.SubjectAlternativeName(others), critical=False)
        .sign(key, SHA256())
    )


def _replace(path: Path, content: bytes) -> Path:
    # Replaced in one step, as programs that renew certificates do: no reader sees half a file.
    written = path.with_suffix(".new")
    written.write_bytes(content)
    return written.replace(path)
