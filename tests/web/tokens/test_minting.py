"""
Tokens that are made here, and explained.
"""

import json

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.support.tokens import SECRET, SIGNERS, access_token, compact, detail, signed, signer
from twisted_sse import Grant
from twisted_sse.web.tokens.explanation import Explanation, explain_token
from twisted_sse.web.tokens.keys import key_from_text
from twisted_sse.web.tokens.keyset import KeySet
from twisted_sse.web.tokens.minting import (
    SigningKey,
    mercure_0_claims,
    mercure_1_claims,
    sign,
    signing_key,
)
from twisted_sse.web.tokens.sources import FixedKey
from twisted_sse.web.tokens.verification import Rules, Verifier

__all__ = ["ExplainTests", "KeyTests", "MintTests"]


def private_key(algorithm: str, passphrase: bytes | None = None) -> bytes:
    """
    A private key as PEM.
    """
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    data: bytes = signer(algorithm).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return data


def verified(token: str, key: SigningKey, **rules: str) -> Grant:
    """
    Verify a token with the key that has signed it.
    """
    verifier = Verifier(
        FixedKey(key.verifies),
        Rules(audience=[rules.get("aud", "")] if rules else (), issuer=rules.get("iss")),
        lambda: 0.0,
    )
    granted = verifier.verify(token.encode())
    assert isinstance(granted, Grant)
    return granted


class MintTests(SynchronousTestCase):
    """
    `sign` and the claims.
    """

    def test_mercure_0(self) -> None:
        """
        A token of Mercure 0.x grants what it was made for, with every kind of key.
        """
        for text in (SECRET, *map(private_key, SIGNERS)):
            with self.subTest(text=text[:40]):
                key = signing_key(text)
                claims = mercure_0_claims(["*"], ["a/{x}"], {"name": "Ada"})
                grant = verified(sign(key, {"sub": "ada", **claims}, {}), key)

                self.assertEqual(grant.user, "ada")
                self.assertEqual(grant.publish, Grant(publish=["*"]).publish)
                self.assertEqual(grant.subscribe, Grant(subscribe=["a/{x}"]).subscribe)
                self.assertEqual(grant.payload_of("x"), {"name": "Ada"})

    def test_mercure_1(self) -> None:
        """
        A token of Mercure 1.0 grants what it was made for.
        """
        key = signing_key(private_key("ES256"))
        standard = {"iss": "issuer", "aud": "hub", "exp": 100}
        claims = mercure_1_claims(
            [("exact", "a")], [("urlpattern", "https://example.com/:x"), ("exact", "b")], 7
        )
        token = sign(key, {**standard, **claims}, {"typ": "at+jwt", "kid": "1"})
        grant = verified(token, key, aud="hub", iss="issuer")

        self.assertEqual(grant.publish, Grant(publish=["a"]).publish)
        self.assertTrue(grant.subscribe and grant.subscribe.matches(["https://example.com/1"]))
        self.assertEqual(grant.payload_of("b"), 7)


class KeyTests(SynchronousTestCase):
    """
    `signing_key`.
    """

    def test_algorithm(self) -> None:
        """
        The first algorithm of the key's kind signs, or the one that was chosen.
        """
        key = private_key("RS256")

        self.assertEqual(signing_key(key).verifies.algorithms[0], "RS256")
        self.assertEqual(signing_key(key, ["PS256"]).verifies.algorithms, ("PS256",))

    def test_refused(self) -> None:
        """
        A short secret, a key with a passphrase, and what is no private key, are refused.
        """
        for text, sentence in (
            (b"short", "needs at least 32"),
            (private_key("ES256", b"passphrase"), "has a passphrase"),
            (b"-----BEGIN PRIVATE KEY-----", "not a private key"),
        ):
            with self.subTest(sentence=sentence):
                with self.assertRaises(ValueError) as caught:
                    signing_key(text)
                self.assertIn(sentence, str(caught.exception))


class ExplainTests(SynchronousTestCase):
    """
    `explain_token`.
    """

    def explain(self, token: str, key: bytes | None = None, **rules: object) -> Explanation:
        """
        Explain a token at the date 500.
        """
        keys = None if key is None else KeySet([key_from_text(key)], "the test")
        return explain_token(token.encode(), Rules(**rules), 500.0, keys)  # type: ignore[arg-type]

    def test_without_key(self) -> None:
        """
        Without a key it says what the token grants, and not whether it is signed.
        """
        claim = {"publish": ["*"], "subscribe": ["b/{x}", "a"], "payload": 1}
        found = self.explain(signed({"sub": "ada", "exp": 1000, "mercure": claim}))

        self.assertEqual((found.protocol, found.algorithm), ("mercure-0.x", "HS256"))
        self.assertEqual((found.user, found.expires), ("ada", 1000))
        self.assertEqual((found.publish, found.subscribe), (["*"], ["a", "b/{x}"]))
        self.assertEqual(found.payloads, [(["*"], 1)])
        self.assertEqual((found.verified, found.refusals), (None, []))

    def test_with_key(self) -> None:
        """
        With the key it says whether the signature is right.
        """
        self.assertIs(self.explain(signed({}), SECRET).verified, True)
        found = self.explain(signed({}), b"x" * 32)
        self.assertEqual(
            (found.verified, found.refusals), (False, ["its signature is not of the key"])
        )

    def test_every_reason(self) -> None:
        """
        All reasons are listed, and what it would grant is still shown.
        """
        found = self.explain(
            signed({"exp": 400, "iss": "x", "aud": "y", "mercure": {"subscribe": ["a"]}}),
            issuer="issuer",
            audience=["hub"],
        )

        self.assertEqual(
            found.refusals,
            [
                "it expired 100 s ago",
                "iss is 'x', this hub trusts 'issuer'",
                "aud is 'y', this hub is 'hub'",
            ],
        )
        self.assertEqual(found.subscribe, ["a"])

    def test_malformed(self) -> None:
        """
        What is wrong with the form or with a claim is said once.
        """
        for token, reason in (
            ("x", "it is not a JWT"),
            (compact({"alg": "none"}, {}), "it is not signed"),
            (signed(b"[]"), "its payload is not a JSON object"),
            (signed({"exp": "x"}), "exp is 'x'"),
            (signed({"mercure": 7}), "mercure is 7"),
            (access_token(detail()), "has no topics"),
            (access_token(detail("a"), exp=None), "it has no exp"),
        ):
            with self.subTest(reason=reason):
                (found,) = self.explain(token).refusals
                self.assertIn(reason, found)

    def test_json(self) -> None:
        """
        What it says can be written as JSON.
        """
        found = self.explain(access_token(detail("a", payload={"x": [1]})))

        self.assertEqual(json.loads(json.dumps(found.payloads)), [[["a"], {"x": [1]}]])
