"""
The form of tokens.
"""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.tokens import compact, signed
from twisted_sse.web.tokens.compact import MAX_TOKEN_SIZE, parse_token
from twisted_sse.web.tokens.refusal import TokenRefused

__all__ = ["MalformedTests", "WellFormedTests"]

HEADER = {"alg": "HS256"}


class WellFormedTests(SynchronousTestCase):
    """
    Tokens that have the right form.
    """

    def test_parts(self) -> None:
        """
        Header and claims are read; the signature is not.
        """
        token = parse_token(signed({"sub": "ada"}, header={"kid": "7"}).encode())

        self.assertEqual((token.algorithm, token.key_id), ("HS256", "7"))
        self.assertEqual(token.claims(), {"sub": "ada"})

    def test_largest(self) -> None:
        """
        A token may have 8 KiB.
        """
        start = signed({})
        claims = {"x": "x" * ((MAX_TOKEN_SIZE - len(start)) * 3 // 4 - 12)}
        text = signed(claims)

        self.assertTrue(MAX_TOKEN_SIZE - 16 < len(text) <= MAX_TOKEN_SIZE, len(text))
        self.assertEqual(parse_token(text.encode()).claims(), claims)


class MalformedTests(SynchronousTestCase):
    """
    Tokens that are refused before anything is verified.
    """

    def refusal(self, data: bytes) -> str:
        """
        Return why a token is refused.
        """
        with self.assertRaises(TokenRefused) as caught:
            parse_token(data).claims()
        return caught.exception.reason

    def test_form(self) -> None:
        """
        Three parts in base64url are needed, without padding and in one spelling.
        """
        good = signed({})
        head, claims, signature = good.split(".")
        for text in (
            "",
            "abc",
            "a.b",
            f"{good}.x",
            f" {good}",
            f"{good}\n",
            f"{head}=.{claims}.{signature}",
            f"{head}.{claims}+.{signature}",
            f".{claims}.{signature}",
            f"{head}..{signature}",
            f"{head}.{claims}A.{signature}",
            f"{head[:-1]}.{claims}.{signature}x.",
            "é.é.é",
        ):
            with self.subTest(text=text):
                self.assertTrue(self.refusal(text.encode("utf-8")))

    def test_spelling(self) -> None:
        """
        Bits that base64 would ignore make a token invalid.
        """
        # "e30" is "{}"; "e31" decodes to the same bytes.
        head = compact(HEADER, {}).split(".")[0]

        self.assertEqual(parse_token(f"{head}.e30.x".encode()).claims(), {})
        self.assertIn("base64url", self.refusal(f"{head}.e31.x".encode()))

    def test_size(self) -> None:
        """
        A larger token is not parsed.
        """
        self.assertEqual(
            self.refusal(b"x" * (MAX_TOKEN_SIZE + 1)), "it has 8193 bytes, more than 8192"
        )

    def test_json(self) -> None:
        """
        Header and claims are objects of strict JSON.
        """
        cases: list[tuple[Any, str]] = [
            (b"x", "is not JSON"),
            (b"\xff", "is not JSON"),
            (b"[]", "is not a JSON object"),
            (b'"x"', "is not a JSON object"),
            (b'{"a": NaN}', "is not JSON"),
            (b'{"a": 1, "a": 2}', "has two members with one name"),
            (b'{"a": {"b": 1, "b": 2}}', "has two members with one name"),
            (b'{"a": ' + b"[" * 3000 + b"]" * 3000 + b"}", "is not JSON"),
            (b'{"a": ' + b"9" * 5000 + b"}", "is not JSON"),
        ]
        for data, reason in cases:
            with self.subTest(data=data[:20]):
                self.assertIn(f"its payload {reason}", self.refusal(compact(HEADER, data).encode()))
                self.assertIn(f"its header {reason}", self.refusal(compact(data, {}).encode()))

    def test_header(self) -> None:
        """
        The header has to name an algorithm, and nothing that is not understood.
        """
        for header, reason in (
            ({}, "names no algorithm"),
            ({"alg": None}, "names no algorithm"),
            ({"alg": ["HS256"]}, "names no algorithm"),
            ({**HEADER, "kid": 7}, "kid in its header is 7"),
            ({**HEADER, "typ": {}}, "typ in its header is {}"),
            ({**HEADER, "crit": ["exp"]}, "crit, which is not supported"),
            ({**HEADER, "b64": False}, "b64, which is not supported"),
        ):
            with self.subTest(header=json.dumps(header)):
                self.assertIn(reason, self.refusal(compact(header, {}).encode()))
