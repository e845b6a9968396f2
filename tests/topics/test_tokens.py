"""
Tokens: characters and percent-encoded bytes.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.topics.tokens import (
    CONTINUATIONS,
    ENCODED_BYTES,
    TokenClass,
    common_length,
    tokens_of,
)

__all__ = ["TokenTests"]


class TokenTests(SynchronousTestCase):
    """
    A text is read token by token.
    """

    def test_characters(self) -> None:
        """
        Every character is a token, a percent sign without two digits, too.
        """
        for text in ("", "aé\U0001f600", "%", "%4", "%zz"):
            with self.subTest(text=text):
                self.assertEqual(tokens_of(text), text)

    def test_encoded(self) -> None:
        """
        A percent-encoded byte is one token, and its spelling makes a difference.
        """
        self.assertEqual(len(tokens_of("a%C3%A9%2")), 5)
        self.assertEqual(len(set(tokens_of("%C3%c3%cC%CC%cc"))), 5)

    def test_bytes(self) -> None:
        """
        Each spelling of each byte has a token of its own.
        """
        digits = "0123456789abcdefABCDEF"
        spelled = [tokens_of(f"%{high}{low}") for high in digits for low in digits]

        self.assertEqual(set(spelled), ENCODED_BYTES)
        self.assertEqual(len(ENCODED_BYTES), 22 * 22)

    def test_continuations(self) -> None:
        """
        The bytes 80 to BF continue a character of UTF-8.
        """
        for text, continues in (("%7F", False), ("%80", True), ("%bf", True), ("%C0", False)):
            with self.subTest(text=text):
                self.assertEqual(tokens_of(text) in CONTINUATIONS, continues)

    def test_class(self) -> None:
        """
        A class accepts its members, or all tokens but those.
        """
        self.assertTrue(TokenClass("ab").accepts("a"))
        self.assertFalse(TokenClass("ab").accepts("c"))
        self.assertFalse(TokenClass("ab", inverted=True).accepts("a"))
        self.assertTrue(TokenClass("ab", inverted=True).accepts("c"))

    def test_common(self) -> None:
        """
        The common length ends at the first difference, or with the shorter text.
        """
        for one, other, length in (
            ("", "a", 0),
            ("ab", "ac", 1),
            ("ab", "abc", 2),
            ("abc", "ab", 2),
        ):
            with self.subTest(one=one, other=other):
                self.assertEqual(common_length(one, other), length)
