"""
JSON Web Key Sets.
"""

import json
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from twisted.trial.unittest import SynchronousTestCase

from tests.support.tokens import SECRET, jwk, jwks, pem, signer
from twisted_sse.web.tokens.jwks import MAX_DOCUMENT_SIZE, MAX_KEYS, parse_jwks
from twisted_sse.web.tokens.keys import TokenKey, key_from_text

__all__ = ["IgnoredTests", "InvalidTests", "KeysTests"]

RSA, EC, ED = signer("RS256"), signer("ES256"), signer("EdDSA")
OCT = {"kty": "oct", "k": urlsafe_b64encode(SECRET).decode().rstrip("=")}


def parse(*keys: Any, secrets: bool = False, algorithms: Any = None) -> list[TokenKey]:
    """
    Parse a document with these keys.
    """
    return parse_jwks(jwks(*keys), algorithms, secrets=secrets)


class KeysTests(SynchronousTestCase):
    """
    Keys that can be used.
    """

    def test_kinds(self) -> None:
        """
        The keys are those of the PEM files, with their names.
        """
        for private in (RSA, EC, ED):
            with self.subTest(private=private):
                (key,) = parse(jwk(private, "one"))

                self.assertEqual(key.key_id, "one")
                self.assertEqual(key.fingerprint, key_from_text(pem(private)).fingerprint)

    def test_algorithm(self) -> None:
        """
        A key that names its algorithm is for no other.
        """
        (key,) = parse(jwk(RSA, alg="PS256"))

        self.assertEqual(key.algorithms, ("PS256",))

    def test_private_members(self) -> None:
        """
        Of a private key, only the public members are read.
        """
        (key,) = parse(jwk(EC, d="not even base64!"))

        self.assertEqual(key.fingerprint, key_from_text(pem(EC)).fingerprint)

    def test_secrets(self) -> None:
        """
        A secret is read where secrets are expected.
        """
        (key,) = parse({**OCT, "kid": "s", "alg": "HS256"}, secrets=True)

        self.assertEqual((key.material, key.algorithms), (SECRET, ("HS256",)))

    def test_order(self) -> None:
        """
        Several keys stay in their order.
        """
        found = parse(jwk(RSA, "1"), jwk(EC, "2"), jwk(ED, "3"))

        self.assertEqual([key.key_id for key in found], ["1", "2", "3"])


class IgnoredTests(SynchronousTestCase):
    """
    Keys that are left out.
    """

    CASES: list[tuple[Any, str]] = [
        ("text", "not a JSON object"),
        (jwk(RSA, use="enc"), "is for 'enc'"),
        (jwk(RSA, key_ops=["sign"]), "not for verifying"),
        (jwk(RSA, key_ops="verify"), "not for verifying"),
        (jwk(RSA, alg="HS256"), "not for HS256"),
        (jwk(RSA, alg="none"), "not an algorithm"),
        (jwk(RSA, alg=["RS256"]), "not a text"),
        ({**jwk(RSA), "kid": 7}, "not a text"),
        ({**jwk(RSA), "n": None}, "lacks one of"),
        ({**jwk(EC), "x": "AAAA"}, "cannot be read"),
        ({**jwk(EC), "crv": "P-999"}, "cannot be read"),
        (jwk(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        ({"kty": "new"}, "of the kind 'new'"),
        ({"kty": ["RSA"]}, "of the kind"),
        ({}, "of the kind None"),
        (OCT, "of the kind 'oct'"),
    ]

    def test_alone(self) -> None:
        """
        A document without any key to use is refused, with the reason for the first one.
        """
        for key, reason in self.CASES:
            with self.subTest(reason=reason):
                with self.assertRaises(ValueError) as caught:
                    parse(key)
                self.assertIn(reason, str(caught.exception))

    def test_among_others(self) -> None:
        """
        A key that is of no use does not keep the others from being used.
        """
        for key, reason in self.CASES:
            with self.subTest(reason=reason):
                (found,) = parse(key, jwk(ED, "good"))

                self.assertEqual(found.key_id, "good")

    def test_short_secret(self) -> None:
        """
        A secret that is too short, or none, is left out.
        """
        for secret in ({"kty": "oct", "k": "c2hvcnQ"}, {"kty": "oct"}, {"kty": "oct", "k": "é"}):
            with self.subTest(secret=secret), self.assertRaises(ValueError):
                parse(secret, secrets=True)

    def test_not_allowed(self) -> None:
        """
        A key for an algorithm that is not allowed is left out.
        """
        (found,) = parse(jwk(RSA, "1"), jwk(EC, "2"), algorithms=["ES256"])

        self.assertEqual(found.key_id, "2")


class InvalidTests(SynchronousTestCase):
    """
    What is no document.
    """

    def test_invalid(self) -> None:
        """
        Other text, other JSON, and documents that are too large, are refused.
        """
        for data, reason in (
            (b"", "not JSON"),
            (b"<html>", "not JSON"),
            (b"\xff", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (b'{"keys": [NaN]}', "not JSON"),
            (b'{"keys": [], "keys": []}', "two members"),
            (b"[]", "not a JSON object"),
            (b"{}", "'keys' is missing"),
            (b'{"keys": {}}', "'keys' is missing"),
            (b'{"keys": []}', "empty"),
            (b" " * MAX_DOCUMENT_SIZE + b"{}", "more than"),
            (json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode(), "101 keys"),
        ):
            with self.subTest(reason=reason):
                with self.assertRaises(ValueError) as caught:
                    parse_jwks(data, secrets=False)
                self.assertIn(reason, str(caught.exception))
