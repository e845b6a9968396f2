"""
Keys, and the algorithms that each is for.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.tokens import SECRET, pem, signer
from twisted_sse.web.tokens.keys import check_algorithms, key_from_text, secret_key

__all__ = ["AlgorithmsTests", "PublicKeyTests", "SecretTests"]


class SecretTests(SynchronousTestCase):
    """
    Secrets.
    """

    def test_algorithms(self) -> None:
        """
        A secret is for the algorithms for which it is long enough.
        """
        for size, expected in (
            (32, ("HS256",)),
            (47, ("HS256",)),
            (48, ("HS256", "HS384")),
            (64, ("HS256", "HS384", "HS512")),
        ):
            with self.subTest(size=size):
                self.assertEqual(key_from_text(b"x" * size).algorithms, expected)

    def test_too_short(self) -> None:
        """
        A secret that is shorter than the hash is refused, with what to do.
        """
        for size, algorithms, needed in (
            (0, None, "HS256 needs at least 32"),
            (31, None, "HS256 needs at least 32"),
            (31, ["HS256"], "HS256 needs at least 32"),
            (47, ["HS384"], "HS384 needs at least 48"),
            (48, ["HS384", "HS512"], "HS512 needs at least 64"),
        ):
            with self.subTest(size=size, algorithms=algorithms):
                with self.assertRaises(ValueError) as caught:
                    key_from_text(b"x" * size, algorithms)
                self.assertIn(f"the secret has {size} bytes, and {needed}", str(caught.exception))

    def test_not_for_public_keys(self) -> None:
        """
        A secret cannot be for the algorithm of a public key.
        """
        with self.assertRaises(ValueError) as caught:
            key_from_text(SECRET, ["RS256"])

        self.assertIn("a secret is not for RS256", str(caught.exception))

    def test_representation(self) -> None:
        """
        The representation does not show the secret.
        """
        self.assertNotIn("ChangeThis", repr(secret_key(SECRET)))


class PublicKeyTests(SynchronousTestCase):
    """
    Public keys.
    """

    def test_algorithms(self) -> None:
        """
        A public key is for the algorithms of its kind, and never for those of secrets.
        """
        rsa_algorithms = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
        for private, expected in (
            (signer("RS256"), rsa_algorithms),
            (signer("ES256"), ("ES256",)),
            (ec.generate_private_key(ec.SECP384R1()), ("ES384",)),
            (ec.generate_private_key(ec.SECP521R1()), ("ES512",)),
            (signer("EdDSA"), ("EdDSA",)),
        ):
            with self.subTest(expected=expected):
                self.assertEqual(key_from_text(pem(private)).algorithms, expected)

    def test_chosen(self) -> None:
        """
        Of several algorithms, those of other kinds of keys are left out.
        """
        key = key_from_text(pem(signer("RS256")), ["ES256", "PS256", "HS256"])

        self.assertEqual(key.algorithms, ("PS256",))

    def test_never_a_secret(self) -> None:
        """
        A public key as the secret of HS256 is refused.
        """
        with self.assertRaises(ValueError) as caught:
            key_from_text(pem(signer("RS256")), ["HS256"])

        self.assertIn("an RSA key is not for HS256", str(caught.exception))

    def test_certificate(self) -> None:
        """
        The key of a certificate verifies.
        """
        private = signer("ES256")
        directory = self.mktemp()
        certificate, _ = write_certificate(_made(directory), key=private)
        key = key_from_text(certificate.read_bytes())

        self.assertEqual(key.identity, key_from_text(pem(private)).identity)

    def test_refused(self) -> None:
        """
        Keys of other kinds and sizes, private keys, and what is no key, are refused.
        """
        private = signer("ES256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for text, sentence in (
            (pem(rsa.generate_private_key(65537, 1024)), "the RSA key has 1024 bits"),
            (pem(ec.generate_private_key(ec.SECP256K1())), "the curve secp256k1"),
            (pem(dsa.generate_private_key(1024)), "a kind that cannot sign"),
            (pem(x25519.X25519PrivateKey.generate()), "a kind that cannot sign"),
            (private, "this is a private key"),
            (b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", "can be read"),
            (b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", "can be read"),
            (b"-----BEGIN NOTHING-----", "can be read"),
        ):
            with self.subTest(sentence=sentence):
                with self.assertRaises(ValueError) as caught:
                    key_from_text(text)
                self.assertIn(sentence, str(caught.exception))


class AlgorithmsTests(SynchronousTestCase):
    """
    `check_algorithms`.
    """

    def test_known(self) -> None:
        """
        Each algorithm counts once.
        """
        self.assertEqual(check_algorithms(["RS256", "HS256", "RS256"]), ("RS256", "HS256"))

    def test_unknown(self) -> None:
        """
        ``none``, unknown names and an empty list are refused.
        """
        for algorithms in (["none"], ["None"], ["rs256"], ["HS256", "ES256K"], []):
            with self.subTest(algorithms=algorithms), self.assertRaises(ValueError):
                check_algorithms(algorithms)


def _made(path: str) -> Path:
    directory = Path(path)
    directory.mkdir()
    return directory
