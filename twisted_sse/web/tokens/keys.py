"""
Keys that verify tokens, and the algorithms that each is for.

A key of one kind never verifies a token of another: a public key is known to everybody,
so as a secret it would let everybody sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate

from twisted_sse.broker.connections.authority import Authority
from twisted_sse.web.tokens.refusal import listed

__all__ = [
    "ALGORITHMS",
    "PUBLIC_KEY_ALGORITHMS",
    "TokenKey",
    "check_algorithms",
    "key_from_text",
    "public_key",
    "secret_key",
]

# RFC 7518, 3.2: "A key of the same size as the hash output (for instance, 256 bits for
# "HS256") or larger MUST be used with this algorithm."  In bytes.
_SECRET_SIZES = {"HS256": 32, "HS384": 48, "HS512": 64}

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")

# RFC 7518, 3.4: each algorithm has its curve.
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}

#: The algorithms of public keys.
PUBLIC_KEY_ALGORITHMS = (*_RSA, *_CURVES.values(), "EdDSA")

#: All algorithms that are supported.
ALGORITHMS = (*_SECRET_SIZES, *PUBLIC_KEY_ALGORITHMS)

# RFC 7518, 3.3: "A key of size 2048 bits or larger MUST be used with these algorithms."
# A much larger one makes each verification slow.
_RSA_BITS = range(2048, 8193)


class TokenKey:
    """
    A key that verifies tokens.

    Args:
        material: A secret, or a public key of the cryptography package.

        algorithms: Those that it is for.

        key_id: Its name, by which tokens refer to it; ``None`` if it has none.

        fingerprint: Equal for equal keys.

    Attributes:
        authority: Vouches for the grants of the tokens that it has verified.
    """

    __slots__ = ("algorithms", "authority", "fingerprint", "key_id", "material")

    def __init__(
        self, material: Any, algorithms: Sequence[str], key_id: str | None, fingerprint: bytes
    ) -> None:
        self.material = material
        self.algorithms = tuple(algorithms)
        self.key_id = key_id
        self.fingerprint = fingerprint
        self.authority = Authority()

    def __repr__(self) -> str:
        # Without the material, which may be a secret.
        return f"<TokenKey {self.key_id!r} for {', '.join(self.algorithms)}>"

    @property
    def identity(self) -> tuple[object, ...]:
        """
        Equal for two keys that verify the same tokens.
        """
        return self.fingerprint, self.key_id, self.algorithms


def check_algorithms(algorithms: Iterable[str]) -> tuple[str, ...]:
    """
    Check a list of algorithms that may be used.

    Raises:
        ValueError: One of them is unknown; half a sentence.
    """
    listed_once = tuple(dict.fromkeys(algorithms))
    for one in listed_once:
        if one not in ALGORITHMS:
            raise ValueError(f"{one!r} is not an algorithm: use {listed(ALGORITHMS)}")
    if not listed_once:
        raise ValueError(f"no algorithm is given: use {listed(ALGORITHMS)}")
    return listed_once


def key_from_text(text: bytes, algorithms: Sequence[str] | None = None) -> TokenKey:
    """
    Make a key from a PEM public key or certificate, or else from a secret.

    Args:
        algorithms: Allow only these; by default all that this kind of key is for.

    Raises:
        ValueError: It cannot be used; half a sentence that says why.
    """
    if b"-----BEGIN " in text:
        return public_key(_load_pem(text), algorithms)
    return secret_key(text, algorithms)


def secret_key(
    secret: bytes, algorithms: Sequence[str] | None = None, key_id: str | None = None
) -> TokenKey:
    """
    Make a key of a secret that signs and verifies.

    Raises:
        ValueError: It is too short, or *algorithms* has those of public keys only.
    """
    wanted = _common(_SECRET_SIZES, algorithms, "a secret")
    # By default, those for which it is long enough; what was asked for must work.
    usable = [one for one in wanted if len(secret) >= _SECRET_SIZES[one]]
    if len(usable) < (1 if algorithms is None else len(wanted)):
        name, size = next((one, _SECRET_SIZES[one]) for one in wanted if one not in usable)
        raise ValueError(
            f"the secret has {len(secret)} bytes, and {name} needs at least {size}: make one with"
            " openssl rand -base64 64 | tr -d '\\n'"
        )
    return TokenKey(secret, usable, key_id, sha256(b"secret:" + secret).digest())


def public_key(
    key: Any, algorithms: Sequence[str] | None = None, key_id: str | None = None
) -> TokenKey:
    """
    Make a key of a public key.

    Args:
        key: An object of the cryptography package.

    Raises:
        ValueError: It is of a kind or a size that cannot be used.
    """
    kind, possible = _kind_of(key)
    data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    usable = _common(possible, algorithms, kind)
    return TokenKey(key, usable, key_id, sha256(data).digest())


def _kind_of(key: Any) -> tuple[str, Sequence[str]]:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in _RSA_BITS:
            least, most = _RSA_BITS.start, _RSA_BITS.stop - 1
            raise ValueError(f"the RSA key has {key.key_size} bits: use {least} to {most}")
        return "an RSA key", _RSA
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise ValueError(f"the curve {key.curve.name} is not supported: use {listed(_CURVES)}")
        return f"a key on {key.curve.name}", [_CURVES[key.curve.name]]
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return "an Edwards curve key", ["EdDSA"]
    raise ValueError("the key is of a kind that cannot sign tokens: use RSA, EC or Ed25519")


def _common(
    possible: Iterable[str], algorithms: Sequence[str] | None, kind: str
) -> tuple[str, ...]:
    possible = tuple(possible)
    if algorithms is None:
        return possible
    common = tuple(one for one in check_algorithms(algorithms) if one in possible)
    if not common:
        raise ValueError(
            f"{kind} is not for {listed(algorithms)}: use {listed(possible)}, or another key"
        )
    return common


def _load_pem(text: bytes) -> Any:
    if b"PRIVATE KEY-----" in text:
        raise ValueError(
            "this is a private key, which only the issuer of tokens needs: give its public key,"
            " made with openssl pkey -in private.pem -pubout"
        )
    try:
        if b"-----BEGIN CERTIFICATE-----" in text:
            return load_pem_x509_certificate(text).public_key()
        return load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the PEM text is not a public key that can be read") from None
