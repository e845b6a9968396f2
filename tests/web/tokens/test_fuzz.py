"""
Tokens, headers and cookies that nobody has thought of get an answer of RFC 6750.
"""

import json
from base64 import urlsafe_b64encode
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.logger import LogLevel, capturedLogs

from tests.support.tokens import DETAIL, SECRET, compact, signed
from tests.web.tokens.jwts import JWTTestCase
from twisted_sse.web.tokens.minting import signing_key
from twisted_sse.web.tokens.refusal import TokenRefused
from twisted_sse.web.tokens.sources import FixedKey
from twisted_sse.web.tokens.verification import Rules, Verifier

__all__ = ["FuzzTests"]

_FUZZ = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)

# Values that are nearly right are tried as often as those that are not.
NAMES = st.sampled_from(
    [
        "sub",
        "exp",
        "nbf",
        "iss",
        "aud",
        "mercure",
        "authorization_details",
        "https://mercure.rocks/",
    ]
)
DETAILS = st.fixed_dictionaries(
    {"type": st.just(DETAIL)},
    optional={
        "actions": JSON | st.just(["subscribe"]),
        "topics": JSON
        | st.lists(
            st.fixed_dictionaries(
                {"match": JSON | st.text()},
                optional={"match_type": st.sampled_from(["exact", "urlpattern", "x"]) | JSON},
            )
        ),
        "payload": JSON,
    },
)
CLAIM = st.fixed_dictionaries(
    {}, optional={"publish": JSON | st.lists(st.text()), "subscribe": st.lists(st.text())}
)
CLAIMS = st.dictionaries(NAMES, JSON | CLAIM | st.lists(DETAILS | JSON, max_size=4))
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk"]),
    st.sampled_from(["HS256", "RS256", "none", "JWT", "at+jwt", "1"]) | JSON,
)

# Bytes that a header may have: what others do, the site itself refuses.
FIELD = st.binary(max_size=200).map(
    lambda data: bytes(byte for byte in data if byte > 31 and byte != 127)
)


def written(value: Any) -> bytes:
    """
    Write JSON, also what is not JSON for others.
    """
    return json.dumps(value).encode()


class FuzzTests(JWTTestCase):
    """
    Hostile input.
    """

    def setUp(self) -> None:
        """
        Serve a hub that accepts tokens from everywhere.
        """
        self.serve(query=True, audience="hub", issuer="issuer")

    def check(self, headers: dict[str, bytes], target: str = "/events?topic=a") -> None:
        """
        Subscribe and publish; no answer is a failure of the hub, and no traceback is logged.
        """
        with capturedLogs() as logged:
            answers = [self.subscribe(headers, target), self.publish(headers, target=target)]
        for answer in answers:
            self.assertIn(answer.status, (200, 400, 401, 403))
            if answer.status == 401:
                self.assertTrue((answer.header("WWW-Authenticate") or "").startswith("Bearer"))
        levels = {event["log_level"] for event in logged}
        self.assertEqual(levels & {LogLevel.critical, LogLevel.error}, set())
        for connection in self.served.hub.connections:
            connection.close()

    @_FUZZ
    @given(FIELD)
    def test_header(self, value: bytes) -> None:
        """
        Any header.
        """
        self.check({"Authorization": value})
        self.check({"Authorization": b"Bearer " + value})

    @_FUZZ
    @given(FIELD)
    def test_cookie(self, value: bytes) -> None:
        """
        Any cookie.
        """
        self.check({"Cookie": value})
        self.check({"Cookie": b"mercureAuthorization=" + value})

    @_FUZZ
    @given(st.binary(max_size=60))
    def test_query(self, value: bytes) -> None:
        """
        Any query.
        """
        encoded = "".join(f"%{byte:02x}" for byte in value)
        self.check({}, f"/events?topic=a&authorization={encoded}")

    @_FUZZ
    @given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=80))
    def test_parts(self, header: bytes, claims: bytes, signature: bytes) -> None:
        """
        Any three parts.
        """
        parts = (header, claims, signature)
        text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        self.check({"Authorization": b"Bearer " + text})

    @_FUZZ
    @given(HEADERS, CLAIMS)
    def test_forged(self, header: Any, claims: Any) -> None:
        """
        Any header and claims without a right signature.
        """
        text = compact(written(header), written(claims), b"signature")
        self.check({"Authorization": b"Bearer " + text.encode()})

    @_FUZZ
    @given(CLAIMS, st.sampled_from(["JWT", "at+jwt"]))
    def test_signed(self, claims: Any, typ: str) -> None:
        """
        Any claims with a right signature.
        """
        full = {"iss": "issuer", "aud": "hub", "exp": 1 << 40, **claims}
        text = signed(written(full), header={"typ": typ})
        self.check({"Authorization": b"Bearer " + text.encode()})

    @settings(_FUZZ, max_examples=100)
    @given(CLAIMS, st.sampled_from(["JWT", "at+jwt"]))
    def test_verifier(self, claims: Any, typ: str) -> None:
        """
        Any claims, without a hub: a grant or a reason, and nothing else.
        """
        verifier = Verifier(FixedKey(signing_key(SECRET).verifies), Rules(), lambda: 0.0)
        text = signed(written(claims), header={"typ": typ})
        try:
            granted = verifier.verify(text.encode())
        except TokenRefused as error:
            self.assertTrue(error.reason.isprintable(), error.reason)
        else:
            self.assertTrue(granted)
