"""
Certificates of clients, and the CA that signs them.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["ClientCA", "ClientFiles"]

_CAN_SIGN = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


class ClientFiles:
    """
    A client's certificate and key, in files.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate = str(certificate)
        self.key = str(key)

    def context(self, *protocols: str) -> ssl.SSLContext:
        """
        Make a client's context that shows the certificate, and accepts any server.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(self.certificate, self.key)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    @property
    def curl(self) -> list[str]:
        """
        The options of curl that show the certificate, and accept any server.
        """
        return ["--insecure", "--cert", self.certificate, "--key", self.key]


class ClientCA:
    """
    A certification authority, whose certificate is in the file *path*.

    Args:
        directory: Where files are written.
    """

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"Test CA {name}")
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder(
                self._name, self._name, self._key.public_key(), x509.random_serial_number()
            )
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_CAN_SIGN, critical=True)
            .sign(self._key, SHA256())
        )
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def issue(
        self,
        common_name: str | None = "ada",
        *,
        others: Sequence[x509.GeneralName] = (),
        until: timedelta = timedelta(hours=1),
        for_clients: bool = True,
    ) -> ClientFiles:
        """
        Sign a certificate, and write it and its key.

        Args:
            others: Alternative names.

            until: The end of its validity, relative to now.

            for_clients: Whether it may be used by clients, or else by servers.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.sign(
            key.public_key(), common_name, others=others, until=until, for_clients=for_clients
        )
        stem = f"client-{certificate.serial_number}"
        files = self._directory / f"{stem}.pem", self._directory / f"{stem}.key"
        files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return ClientFiles(*files)

    def sign(
        self,
        key: ec.EllipticCurvePublicKey,
        common_name: str | None,
        *,
        others: Sequence[x509.GeneralName] = (),
        until: timedelta = timedelta(hours=1),
        for_clients: bool = True,
    ) -> x509.Certificate:
        """
        Sign a certificate; the arguments are those of `issue`.
        """
        purpose = (
            ExtendedKeyUsageOID.CLIENT_AUTH if for_clients else ExtendedKeyUsageOID.SERVER_AUTH
        )
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(
                self._name, _name(common_name), key, x509.random_serial_number()
            )
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + until)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if others:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(list(others)), critical=not common_name
            )
        return builder.sign(self._key, SHA256())


def _name(common_name: str | None) -> x509.Name:
    if common_name is None:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
