"""
The server's certificate and key, and what clients then get.
"""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.certificate import read_certificates, read_key, server_options

Key = ec.EllipticCurvePrivateKey


def make_key() -> Key:
    """
    A new private key.
    """
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key, encryption: KeySerializationEncryption | None = None) -> bytes:
    """
    *key* as a PEM file has it.
    """
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def certificate_pem(name: str, key: Key, issuer: str, issuer_key: Key) -> bytes:
    """
    A certificate for *name*, signed by *issuer*, good for a day.
    """
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.PEM)


def shake_hands(server: SSL.Context, client: SSL.Context) -> SSL.Connection:
    """
    Let a client and a server do a TLS handshake in memory, and return the client.

    Raises:
        SSL.Error: They do not agree.
    """
    ends = [SSL.Connection(server, None), SSL.Connection(client, None)]
    ends[0].set_accept_state()
    ends[1].set_connect_state()
    for _ in range(4):
        for end, other in ((ends[1], ends[0]), (ends[0], ends[1])):
            with contextlib.suppress(SSL.WantReadError):
                end.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(end.bio_read(65536))
    ends[1].do_handshake()
    return ends[1]


class CertificateTests(SynchronousTestCase):
    """
    Reading, checking, serving.
    """

    def setUp(self) -> None:
        """
        Have a key, its certificate, and who signed that.
        """
        self.key, self.issuer_key = make_key(), make_key()
        self.own = certificate_pem("localhost", self.key, "Issuer", self.issuer_key)
        self.issuer = certificate_pem("Issuer", self.issuer_key, "Issuer", self.issuer_key)
        self.key_path = self._file(key_pem(self.key))

    def _file(self, content: bytes) -> str:
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(path)

    def _served(self, content: bytes) -> list[str]:
        """
        The names on the certificates that a client gets.
        """
        server = self._server(self._file(content), self.key_path)
        client = shake_hands(server, SSL.Context(SSL.TLS_CLIENT_METHOD))
        chain = client.get_peer_cert_chain(as_cryptography=True) or []
        return [one.subject.rfc4514_string() for one in chain]

    def _server(self, certificate: str, key: str) -> SSL.Context:
        return server_options(read_certificates(certificate), read_key(key)).getContext()

    def _refused(self, read: Callable[[str], object], path: str) -> str:
        with self.assertRaises(ValueError) as caught:
            read(path)
        return str(caught.exception)

    def test_one(self) -> None:
        """
        The certificate is what clients get.
        """
        self.assertEqual(self._served(self.own), ["CN=localhost"])

    def test_chain(self) -> None:
        """
        What follows the certificate in its file is sent along.
        """
        self.assertEqual(self._served(self.own + self.issuer), ["CN=localhost", "CN=Issuer"])

    def test_text_around(self) -> None:
        """
        Text between the certificates, as tools write it, is nothing.
        """
        content = b"subject=localhost\n" + self.own + b"\nissuer:\n" + self.issuer + b"\nthe end\n"

        self.assertEqual(self._served(content), ["CN=localhost", "CN=Issuer"])

    def test_one_file(self) -> None:
        """
        Key and certificate may share a file.
        """
        path = self._file(key_pem(self.key) + self.own)
        client = shake_hands(self._server(path, path), SSL.Context(SSL.TLS_CLIENT_METHOD))

        self.assertIsNotNone(client.get_peer_certificate(as_cryptography=True))

    def test_versions(self) -> None:
        """
        TLS 1.2 and 1.3 are spoken, and nothing older.
        """
        server = self._server(self._file(self.own), self.key_path)
        for version, name in ((SSL.TLS1_2_VERSION, "TLSv1.2"), (SSL.TLS1_3_VERSION, "TLSv1.3")):
            client = SSL.Context(SSL.TLS_CLIENT_METHOD)
            client.set_max_proto_version(version)

            self.assertEqual(shake_hands(server, client).get_protocol_version_name(), name)

        old = SSL.Context(SSL.TLS_CLIENT_METHOD)
        # Without this OpenSSL itself would refuse to speak anything so old.
        old.set_cipher_list(b"ALL:@SECLEVEL=0")
        old.set_min_proto_version(SSL.TLS1_VERSION)
        old.set_max_proto_version(SSL.TLS1_1_VERSION)
        with self.assertRaises(SSL.Error):
            shake_hands(server, old)

    def test_missing_files(self) -> None:
        """
        A file that cannot be read is named.
        """
        missing = self.mktemp()
        for read in (read_certificates, read_key):
            with self.subTest(read=read.__name__):
                message = self._refused(read, missing)

                self.assertEqual(message, f"{missing} cannot be read: No such file or directory")

    def test_no_certificate(self) -> None:
        """
        A file without a certificate is named.
        """
        for content in (b"", b"hello", key_pem(self.key)):
            with self.subTest(content=content[:27]):
                path = self._file(content)
                message = self._refused(read_certificates, path)

                self.assertEqual(message, f"there is no PEM certificate in {path}")

    def test_damaged(self) -> None:
        """
        So is one with a damaged certificate, wherever in the chain.
        """
        damaged = self.issuer.replace(b"M", b"", 1)
        for content in (damaged, self.own + damaged):
            path = self._file(content)

            self.assertIn(path, self._refused(read_certificates, path))

    def test_no_key(self) -> None:
        """
        A file without a key is named.
        """
        for content in (b"", b"hello", self.own, key_pem(self.key)[:60]):
            with self.subTest(content=content[:27]):
                path = self._file(content)

                self.assertEqual(
                    self._refused(read_key, path), f"there is no PEM private key in {path}"
                )

    def test_passphrase(self) -> None:
        """
        Nobody is there to type a passphrase when a server starts.
        """
        path = self._file(key_pem(self.key, BestAvailableEncryption(b"secret")))

        self.assertEqual(
            self._refused(read_key, path),
            f"the key in {path} has a passphrase; store it without one",
        )

    def test_unsuitable_key(self) -> None:
        """
        A kind of key that TLS cannot sign with is refused like any other wrong one.
        """
        certificates = read_certificates(self._file(self.own))

        with self.assertRaises(ValueError):
            server_options(certificates, x25519.X25519PrivateKey.generate())

    def test_other_key(self) -> None:
        """
        A key that belongs to another certificate is found before anybody connects.
        """
        certificates = read_certificates(self._file(self.own))

        with self.assertRaises(ValueError):
            server_options(certificates, make_key())
