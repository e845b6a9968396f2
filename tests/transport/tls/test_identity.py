"""
Certificates and keys: what is accepted, and the sentences that refuse the rest.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from twisted_sse.transport.tls.identity import (
    CertificateError,
    CertificateFiles,
    Identity,
    pair_files,
    read_certificates,
    read_identity,
    read_key,
    read_passphrase,
)

__all__ = ["FilesTests", "IdentityTests", "KeyTests"]

Key = ec.EllipticCurvePrivateKey


def make_key() -> Key:
    """
    Make a private key.
    """
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key, encryption: KeySerializationEncryption | None = None) -> bytes:
    """
    *key* in PEM format.
    """
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def certificate_pem(name: str, key: Key, issuer: str, issuer_key: Key) -> bytes:
    """
    Make a certificate for *name*, signed by *issuer*, that is valid for a day.
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


class CertificateTestCase(SynchronousTestCase):
    """
    Has a key, its certificate, and the certificate of the issuer.
    """

    def setUp(self) -> None:
        """
        Make the keys and certificates.
        """
        self.key, self.issuer_key = make_key(), make_key()
        self.own = certificate_pem("localhost", self.key, "Issuer", self.issuer_key)
        self.issuer = certificate_pem("Issuer", self.issuer_key, "Issuer", self.issuer_key)

    def file(self, content: bytes) -> str:
        """
        Write *content* to a new file.
        """
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(path)

    def refused(self, culprit: str, read: Callable[..., object], *arguments: object) -> str:
        """
        Get the message of the error that *read* raises, which must name *culprit*.
        """
        with self.assertRaises(CertificateError) as caught:
            read(*arguments)
        self.assertEqual(caught.exception.culprit, culprit)
        return str(caught.exception)


class FilesTests(CertificateTestCase):
    """
    The content of certificate files, and pairs of files.
    """

    def test_one(self) -> None:
        """
        A file may have one certificate.
        """
        self.assertEqual(len(read_certificates(self.file(self.own))), 1)

    def test_text_around(self) -> None:
        """
        Text between the certificates, as tools write it, is ignored.
        """
        content = b"subject=localhost\n" + self.own + b"\nissuer:\n" + self.issuer + b"\nthe end\n"
        found = read_certificates(self.file(content))

        self.assertEqual(
            [one.subject.rfc4514_string() for one in found], ["CN=localhost", "CN=Issuer"]
        )

    def test_missing_files(self) -> None:
        """
        The error names a file that cannot be read.
        """
        missing = self.mktemp()
        for read, culprit in (
            (read_certificates, "certificate"),
            (read_key, "key"),
            (read_passphrase, "passphrase"),
        ):
            with self.subTest(culprit):
                message = self.refused(culprit, read, missing)

                self.assertEqual(message, f"{missing} cannot be read: No such file or directory")

    def test_no_certificate(self) -> None:
        """
        The error names a file without a certificate.
        """
        for content in (b"", b"hello", key_pem(self.key)):
            with self.subTest(content=content[:27]):
                path = self.file(content)
                message = self.refused("certificate", read_certificates, path)

                self.assertEqual(message, f"there is no PEM certificate in {path}")

    def test_damaged(self) -> None:
        """
        The error names a file with a damaged certificate anywhere in its chain.
        """
        damaged = self.issuer.replace(b"M", b"", 1)
        for content in (damaged, self.own + damaged):
            path = self.file(content)

            self.assertIn(path, self.refused("certificate", read_certificates, path))

    def test_pairs(self) -> None:
        """
        Keys are paired with certificates in order; the rest contain their own keys.
        """
        self.assertEqual(
            pair_files(["a", "b", "c"], ["ka", "kb"]),
            [CertificateFiles("a", "ka"), CertificateFiles("b", "kb"), CertificateFiles("c")],
        )

    def test_too_many_keys(self) -> None:
        """
        A key without a certificate is refused.
        """
        message = self.refused("key", pair_files, ["a"], ["ka", "kb"])

        self.assertEqual(
            message, "there are more keys than certificates; each key needs --tls-cert"
        )

    def test_stamp(self) -> None:
        """
        The stamp changes when one of the files is changed or removed.
        """
        certificate, key = self.file(self.own), self.file(b"1")
        files = CertificateFiles(certificate, key)
        before = files.stamp()
        self.assertEqual(files.stamp(), before)

        Path(key).write_bytes(b"12")
        changed = files.stamp()
        Path(key).unlink()
        gone = files.stamp()

        self.assertEqual(len({before, changed, gone}), 3)


class KeyTests(CertificateTestCase):
    """
    Private keys and their passphrases.
    """

    def encrypted(self, passphrase: bytes) -> str:
        """
        Write an encrypted key to a new file.
        """
        return self.file(key_pem(self.key, BestAvailableEncryption(passphrase)))

    def test_forms(self) -> None:
        """
        Every format that tools write is accepted.
        """
        parameters = (
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        )
        for content in (
            key_pem(self.key),
            key_pem(rsa.generate_private_key(65537, 2048)),
            parameters
            + self.key.private_bytes(
                Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
            ),
        ):
            with self.subTest(content[:40]):
                self.assertIsNotNone(read_key(self.file(content)))

    def test_no_key(self) -> None:
        """
        The error names a file without a key.
        """
        for content in (b"", b"hello", self.own, key_pem(self.key)[:60]):
            with self.subTest(content=content[:27]):
                path = self.file(content)
                message = self.refused("key", read_key, path)

                self.assertEqual(message, f"there is no PEM private key in {path}")

    def test_several(self) -> None:
        """
        A file with several keys is refused.
        """
        path = self.file(key_pem(self.key) + key_pem(self.issuer_key))
        message = self.refused("key", read_key, path)

        self.assertEqual(message, f"there is more than one private key in {path}")

    def test_passphrase(self) -> None:
        """
        A passphrase decrypts its key, and is ignored for a key that is not encrypted.
        """
        for path in (self.encrypted(b"secret"), self.file(key_pem(self.key))):
            key = read_key(path, b"secret")

            self.assertEqual(key.public_key(), self.key.public_key())

    def test_older_passphrase(self) -> None:
        """
        A passphrase decrypts a key in OpenSSL's older format.
        """
        content = self.key.private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret")
        )
        path = self.file(content)

        self.assertEqual(read_key(path, b"secret").public_key(), self.key.public_key())
        self.assertIn("--tls-passphrase-file", self.refused("key", read_key, path))

    def test_no_passphrase(self) -> None:
        """
        An encrypted key without a passphrase is refused: a server cannot ask for it.
        """
        path = self.encrypted(b"secret")

        self.assertEqual(
            self.refused("key", read_key, path),
            f"the key in {path} has a passphrase; write it to a --tls-passphrase-file",
        )

    def test_wrong_passphrase(self) -> None:
        """
        A wrong passphrase is refused, and the error does not contain it.
        """
        path = self.encrypted(b"secret")
        for wrong in (b"Secret", b"x" * 2000):
            message = self.refused("passphrase", read_key, path, wrong)

            self.assertEqual(message, f"this passphrase does not decrypt the key in {path}")

    def test_passphrase_file(self) -> None:
        """
        The passphrase is the only line of its file, whatever editor wrote that.
        """
        for content in (b"a b ", b"a b \n", b"a b \r\n", b"\xef\xbb\xbfa b \r\n"):
            self.assertEqual(read_passphrase(self.file(content)), b"a b ")

    def test_no_passphrase_file(self) -> None:
        """
        Any other file is refused, and the error does not contain its content.
        """
        for content in (b"", b"\n", b"a\nb\n"):
            path = self.file(content)
            message = self.refused("passphrase", read_passphrase, path)

            self.assertEqual(message, f"{path} must have one line, the passphrase")


class IdentityTests(CertificateTestCase):
    """
    `read_identity`.
    """

    def identity(self, *names: str, **options: timedelta) -> Identity:
        """
        Make and read a certificate for *names*.
        """
        return read_identity(self.files(*names, **options))

    def files(self, *names: str, **options: timedelta) -> CertificateFiles:
        """
        Write a certificate for *names* to new files.
        """
        home = Path(self.mktemp())
        home.mkdir()
        return CertificateFiles(*map(str, write_certificate(home, *names, **options)))

    def test_names(self) -> None:
        """
        An identity has the DNS names of its certificate, and not the other names.
        """
        found = self.identity("One.example", "*.two.example")

        self.assertEqual(found.names, ("one.example", "*.two.example"))

    def test_no_names(self) -> None:
        """
        A certificate without the extension has no names.
        """
        path = self.file(self.own + key_pem(self.key))

        self.assertEqual(read_identity(CertificateFiles(path)).names, ())

    def test_same(self) -> None:
        """
        Identities are equal if they have the same certificates.
        """
        files = self.files()

        self.assertEqual(read_identity(files), read_identity(files))
        self.assertNotEqual(read_identity(files), self.identity())

    def test_secret(self) -> None:
        """
        The representation does not contain the key.
        """
        self.assertNotIn("key", repr(self.identity()).lower())

    def test_key_in_own_file(self) -> None:
        """
        In one file, the key may precede or follow its certificate.
        """
        for content in (key_pem(self.key) + self.own, self.own + self.issuer + key_pem(self.key)):
            found = read_identity(CertificateFiles(self.file(content)))

            self.assertEqual(found.key.public_key(), self.key.public_key())

    def test_missing_key(self) -> None:
        """
        A certificate without a key is refused.
        """
        path = self.file(self.own)

        self.assertEqual(
            self.refused("certificate", read_identity, CertificateFiles(path)),
            f"there is no private key in {path}, so it needs --tls-key",
        )

    def test_other_key(self) -> None:
        """
        A key is refused if it belongs to another certificate, or if TLS cannot use it.
        """
        certificate = self.file(self.own)
        for other in (
            key_pem(make_key()),
            x25519.X25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            ),
        ):
            key = self.file(other)

            self.assertEqual(
                self.refused("key", read_identity, CertificateFiles(certificate, key)),
                f"the key in {key} is not the key of the certificate in {certificate}",
            )

    def test_other_key_in_own_file(self) -> None:
        """
        The first certificate of a file is the server's.
        """
        path = self.file(self.issuer + self.own + key_pem(self.key))

        self.assertIn("is not the key", self.refused("key", read_identity, CertificateFiles(path)))

    def test_dates(self) -> None:
        """
        A certificate that is not valid now is refused, and the error tells the time.
        """
        for options, words in (
            ({"since": timedelta(days=-3), "until": timedelta(minutes=-2)}, "expired at"),
            ({"since": timedelta(minutes=2)}, "is not valid before"),
        ):
            files = self.files(**options)
            message = self.refused("certificate", read_identity, files)

            self.assertRegex(
                message,
                rf"\Athe certificate in {files.certificate} {words} "
                r"\d{4}-\d\d-\d\d \d\d:\d\d UTC\Z",
            )
