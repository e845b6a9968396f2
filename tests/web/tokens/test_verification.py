"""
Verification: signatures, dates, issuer and audience.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.tokens import (
    SECRET,
    SIGNERS,
    access_token,
    compact,
    detail,
    jwk,
    jwks,
    pem,
    signed,
    signer,
)
from twisted_sse import Grant
from twisted_sse.web.tokens.compact import parse_token
from twisted_sse.web.tokens.jwks import parse_jwks
from twisted_sse.web.tokens.keys import key_from_text
from twisted_sse.web.tokens.keyset import KeySet
from twisted_sse.web.tokens.refusal import TokenRefused
from twisted_sse.web.tokens.sources import FixedKey
from twisted_sse.web.tokens.verification import Rules, Verifier, check_signature

__all__ = ["ClaimTests", "ForgeryTests", "KeySetTests", "ProtocolTests", "SignatureTests"]

HUB, ISSUER = "https://hub.example/", "https://issuer.example"
NOW = 500.0


class VerifierTestCase(SynchronousTestCase):
    """
    Verifies tokens with one key.
    """

    def verify(
        self, token: str, key: bytes = SECRET, algorithms: Any = None, **rules: Any
    ) -> Grant:
        """
        Verify a token at the date `NOW`.
        """
        source = FixedKey(key_from_text(key, algorithms))
        granted = Verifier(source, Rules(**rules), lambda: NOW).verify(token.encode())
        assert isinstance(granted, Grant)
        return granted

    def refusal(self, token: str, *arguments: Any, **rules: Any) -> str:
        """
        Return why a token is refused.
        """
        with self.assertRaises(TokenRefused) as caught:
            self.verify(token, *arguments, **rules)
        return caught.exception.reason


class SignatureTests(VerifierTestCase):
    """
    Signatures.
    """

    def test_right(self) -> None:
        """
        The signature of each algorithm is verified with its key.
        """
        for algorithm in SIGNERS:
            with self.subTest(algorithm=algorithm):
                key = signer(algorithm)
                token = signed({"sub": "ada"}, key=key, algorithm=algorithm)

                self.assertEqual(self.verify(token, pem(key)).user, "ada")
        self.assertEqual(self.verify(signed({"sub": "ada"})).user, "ada")

    def test_wrong(self) -> None:
        """
        The signature of another key of the same kind is refused.
        """
        for algorithm in SIGNERS:
            with self.subTest(algorithm=algorithm):
                token = signed({}, key=signer(algorithm, "other"), algorithm=algorithm)

                reason = self.refusal(token, pem(signer(algorithm)))
                self.assertEqual(reason, "its signature is not of the key")

    def test_changed(self) -> None:
        """
        A token whose claims were changed is refused.
        """
        head, _, signature = signed({"sub": "ada"}).split(".")
        _, claims, _ = signed({"sub": "eve"}).split(".")

        self.assertEqual(
            self.refusal(f"{head}.{claims}.{signature}"), "its signature is not of the key"
        )

    def test_authority(self) -> None:
        """
        The key vouches for the grant.
        """
        key = key_from_text(SECRET)
        grant = Verifier(FixedKey(key), Rules(), lambda: NOW).verify(signed({}).encode())

        assert isinstance(grant, Grant)
        self.assertIs(grant.authority, key.authority)


class ForgeryTests(VerifierTestCase):
    """
    Attacks that have worked on other programs.
    """

    def test_unsigned(self) -> None:
        """
        ``none`` is refused in every spelling, with a signature and without.
        """
        for name in ("none", "None", "NONE", "nOnE", ""):
            with self.subTest(name=name):
                reason = self.refusal(compact({"alg": name}, {"sub": "root"}))
                self.assertEqual(reason, f"it is signed with {name!r}, only HS256 is allowed")

    def test_public_key_as_secret(self) -> None:
        """
        HS256 with the public key as the secret is refused.
        """
        public = pem(signer("RS256"))
        for secret in (public, public.strip(), public.replace(b"\n", b"\r\n")):
            with self.subTest(secret=secret):
                reason = self.refusal(signed({"sub": "root"}, key=secret), public, ["RS256"])
                self.assertEqual(reason, "it is signed with 'HS256', only RS256 is allowed")

    def test_own_key(self) -> None:
        """
        A key in the header of a token, or a URL of one, counts for nothing.
        """
        own = signer("ES256", "attacker")
        for header in (
            {"jwk": jwk(own)},
            {"jku": "https://attacker.example/keys"},
            {"x5u": "https://attacker.example/certificate"},
            {"x5c": ["AAAA"]},
        ):
            with self.subTest(header=header):
                token = signed({}, key=own, algorithm="ES256", header=header)
                reason = self.refusal(token, pem(signer("ES256")))
                self.assertEqual(reason, "its signature is not of the key")

    def test_empty_signature(self) -> None:
        """
        A signature that is empty, short, or all zeros, is refused.
        """
        for algorithm in ("RS256", "ES256", "EdDSA"):
            for signature in (b"", b"x", bytes(64), bytes(256), bytes(1000)):
                with self.subTest(algorithm=algorithm, size=len(signature)):
                    token = compact({"alg": algorithm}, {}, signature)
                    self.refusal(token, pem(signer(algorithm)))

    def test_other_algorithm(self) -> None:
        """
        A right signature by an algorithm that is not allowed is refused.
        """
        key = signer("PS256")
        token = signed({}, key=key, algorithm="PS256")

        self.assertEqual(
            self.refusal(token, pem(key), ["RS256"]),
            "it is signed with 'PS256', only RS256 is allowed",
        )


class KeySetTests(VerifierTestCase):
    """
    Several keys.
    """

    OLD, NEW, ED = signer("ES256", "old"), signer("ES256", "new"), signer("EdDSA")

    def user(self, keys: KeySet, key: Any, key_id: str | None, algorithm: str = "ES256") -> object:
        """
        Verify a token of *key* with *keys*, and return its user, or why it is refused.
        """
        header = {} if key_id is None else {"kid": key_id}
        token = parse_token(
            signed({"sub": "ada"}, key=key, algorithm=algorithm, header=header).encode()
        )
        try:
            check_signature(token, keys.candidates(token))
        except TokenRefused as error:
            return error.reason
        return token.claims()["sub"]

    def keys(self, *keys: Any) -> KeySet:
        """
        Make a set from JSON Web Keys.
        """
        return KeySet(parse_jwks(jwks(*keys), secrets=False), "the test")

    def test_named(self) -> None:
        """
        A token that names its key is verified with that key only.
        """
        keys = self.keys(jwk(self.OLD, "old"), jwk(self.NEW, "new"), jwk(self.ED, "ed"))

        self.assertEqual(self.user(keys, self.OLD, "old"), "ada")
        self.assertEqual(self.user(keys, self.ED, "ed", "EdDSA"), "ada")
        self.assertEqual(self.user(keys, self.OLD, "new"), "its signature is not of the key 'new'")
        self.assertEqual(
            self.user(keys, self.OLD, "x"),
            "it is signed with the key 'x', which is not among the 3 of the test",
        )

    def test_unnamed(self) -> None:
        """
        A token without the name of a key is verified with every key for its algorithm, and
        any token with a key that has no name.
        """
        keys = self.keys(jwk(self.OLD, "old"), jwk(self.NEW, "new"), jwk(self.ED, "ed"))

        self.assertEqual(self.user(keys, self.NEW, None), "ada")
        self.assertEqual(self.user(self.keys(jwk(self.OLD)), self.OLD, "whatever"), "ada")

    def test_replaced(self) -> None:
        """
        A key that stays keeps its authority; that of a key that is gone is revoked.
        """
        keys = KeySet(parse_jwks(jwks(jwk(self.OLD, "1"), jwk(self.ED, "2")), secrets=False), "x")
        token = parse_token(signed({}, key=self.OLD, algorithm="ES256").encode())
        (kept,) = keys.candidates(token)
        (gone,) = keys.candidates(parse_token(signed({}, algorithm="EdDSA", key=self.ED).encode()))
        changed = parse_jwks(jwks(jwk(self.OLD, "1"), jwk(self.NEW, "3")), secrets=False)

        self.assertEqual(keys.replace(changed), (1, 1))

        self.assertIs(keys.candidates(token)[0], kept)
        self.assertEqual((kept.authority.revoked, gone.authority.revoked), (False, True))


class ClaimTests(VerifierTestCase):
    """
    The claims that every token may have.
    """

    def test_expiry(self) -> None:
        """
        A token ends at ``exp`` exactly, and its grant with it.
        """
        self.assertEqual(self.verify(signed({"exp": 501})).expires, 501)
        self.assertEqual(self.verify(signed({"exp": 500.5})).expires, 500.5)
        self.assertIsNone(self.verify(signed({})).expires)
        self.assertEqual(self.refusal(signed({"exp": 500})), "it expired 0 s ago")
        self.assertEqual(self.refusal(signed({"exp": 488})), "it expired 12 s ago")
        self.assertEqual(self.refusal(signed({"exp": -5})), "it expired 505 s ago")

    def test_not_before(self) -> None:
        """
        The clock of the issuer may be ahead by the leeway.
        """
        self.verify(signed({"nbf": 510}))
        self.assertEqual(
            self.refusal(signed({"nbf": 511})), "it is not valid for another 11 s (nbf)"
        )
        self.assertEqual(
            self.refusal(signed({"nbf": 501}), leeway=0.0),
            "it is not valid for another 1 s (nbf)",
        )

    def test_no_date(self) -> None:
        """
        A date is a number that is one.
        """
        for name in ("exp", "nbf"):
            for value in ("1000", True, [1000], {}, 1e300, 10**40, -(10**40)):
                with self.subTest(name=name, value=value):
                    self.assertIn(f"{name} is ", self.refusal(signed({name: value})))
        # Python reads 1e999 as infinity.
        self.assertIn("exp is inf", self.refusal(signed(b'{"exp": 1e999}')))

    def test_issuer(self) -> None:
        """
        The issuer is compared exactly if the hub trusts one.
        """
        self.verify(signed({"iss": ISSUER}), issuer=ISSUER)
        self.verify(signed({"iss": "anybody"}))
        for claims, reason in (
            ({"iss": ISSUER + "/"}, f"iss is '{ISSUER}/', this hub trusts '{ISSUER}'"),
            ({"iss": [ISSUER]}, f"iss is ['{ISSUER}'], this hub trusts '{ISSUER}'"),
            ({}, f"it has no iss, and this hub trusts '{ISSUER}'"),
        ):
            with self.subTest(claims=claims):
                self.assertEqual(self.refusal(signed(claims), issuer=ISSUER), reason)

    def test_audience(self) -> None:
        """
        One of the names of the hub has to be among those of the token.
        """
        for found in (HUB, [HUB], ["x", HUB]):
            self.verify(signed({"aud": found}), audience=["other", HUB])
        self.verify(signed({"aud": "anybody"}))
        for claims, reason in (
            ({"aud": "x"}, f"aud is 'x', this hub is '{HUB}'"),
            ({"aud": ["x", "y"]}, f"aud is ['x', 'y'], this hub is '{HUB}'"),
            ({"aud": []}, f"aud is [], this hub is '{HUB}'"),
            ({"aud": {"x": 1}}, "aud is {'x': 1}, neither a text nor a list of texts"),
            ({"aud": [HUB, 1]}, f"aud is ['{HUB}', 1], neither a text nor a list of texts"),
            ({}, f"it has no aud, this hub is '{HUB}'"),
        ):
            with self.subTest(claims=claims):
                self.assertEqual(self.refusal(signed(claims), audience=[HUB]), reason)

    def test_subject(self) -> None:
        """
        The user is a text that can be written.
        """
        self.assertEqual(self.verify(signed({"sub": "ädä"})).user, "ädä")
        self.assertIsNone(self.verify(signed({})).user)
        self.assertIsNone(self.verify(signed({"sub": None})).user)
        for value in (7, "", [], "\ud800"):
            with self.subTest(value=value):
                self.assertIn("sub is ", self.refusal(signed({"sub": value})))

    def test_long_values(self) -> None:
        """
        A reason shows little of a long value, and no control characters.
        """
        reason = self.refusal(signed({"aud": "\n\x1b[2J" + "x" * 1000}), audience=[HUB])

        self.assertTrue(reason.isprintable())
        self.assertTrue(reason.startswith("aud is '\\n\\x1b[2Jxxx"), reason)
        self.assertLess(len(reason), 200)


class ProtocolTests(VerifierTestCase):
    """
    The two kinds of tokens.
    """

    RULES: dict[str, Any] = {"audience": [HUB], "issuer": ISSUER}

    def test_type(self) -> None:
        """
        The type says which claims grant; upper and lower case do not matter.
        """
        token = access_token(detail("a"))
        claims = {"iss": ISSUER, "aud": HUB, "exp": 1000, "mercure": {"subscribe": ["b"]}}
        for typ in ("at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT"):
            grant = self.verify(signed(claims, header={"typ": typ}), **self.RULES)
            self.assertIsNone(grant.subscribe, typ)
        for typ in ("JWT", "jwt", ""):
            grant = self.verify(signed(claims, header={"typ": typ}), **self.RULES)
            self.assertEqual(grant, Grant(**_like(grant, subscribe=["b"])), typ)
        grant = self.verify(token, **self.RULES)
        self.assertEqual(grant.subscribe, Grant(subscribe=["a"]).subscribe)

    def test_needs(self) -> None:
        """
        A token of Mercure 1.0 needs ``iss``, ``aud`` and ``exp``, and a hub that has names
        to compare them with.
        """
        for claims in ({"iss": None}, {"aud": None}, {"exp": None}):
            with self.subTest(claims=claims):
                (name,) = claims
                token = access_token(detail("a"), **claims)
                self.assertIn(f"it has no {name}", self.refusal(token, **self.RULES))
        token = access_token(detail("a"))
        self.assertIn("needs an issuer", self.refusal(token, audience=[HUB]))
        self.assertIn("needs an audience", self.refusal(token, issuer=ISSUER))

    def test_excluded(self) -> None:
        """
        A hub may accept one kind only.
        """
        self.assertEqual(
            self.refusal(access_token(detail("a")), protocols=["mercure-0.x"], **self.RULES),
            "typ is 'at+jwt', a token of mercure-1.0, and only mercure-0.x is accepted",
        )
        self.assertEqual(
            self.refusal(signed({}), protocols=["mercure-1.0"]),
            "typ is 'JWT', a token of mercure-0.x, and only mercure-1.0 is accepted",
        )


def _like(grant: Grant, **options: Any) -> dict[str, Any]:
    same = {name: getattr(grant, name) for name in ("user", "public", "expires", "authority")}
    return {**same, **options}
