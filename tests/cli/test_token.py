"""
The options of ``twisted-sse token``; `tests.e2e.test_tokens` runs the command.
"""

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from tests.support.tokens import SECRET
from twisted_sse.cli.token_options import TokenOptions

__all__ = ["TokenOptionsTests"]


class TokenOptionsTests(SynchronousTestCase):
    """
    `TokenOptions`.
    """

    def test_defaults(self) -> None:
        """
        A token is one of Mercure 0.x, for an hour.
        """
        options = TokenOptions()
        options.parseOptions(["--publish", "a", "--key", SECRET.decode()])

        self.assertEqual((options["protocol"], options["expires"]), ("mercure-0.x", 3600))
        self.assertEqual((options.publish, options.subscribe), ([("exact", "a")], []))
        self.assertEqual(options.signing_key.material, SECRET)

    def test_expires(self) -> None:
        """
        The time has a unit, or is seconds, or never.
        """
        for text, seconds in (
            ("90", 90),
            ("90s", 90),
            ("15m", 900),
            ("2h", 7200),
            ("30d", 2592000),
            ("never", None),
        ):
            with self.subTest(text=text):
                options = TokenOptions()
                options.parseOptions(["--publish=a", f"--expires={text}", "--key", "x" * 32])
                self.assertEqual(options["expires"], seconds)

    def test_explain(self) -> None:
        """
        With --explain, a key is only for verifying, and may be missing.
        """
        options = TokenOptions()
        options.parseOptions(["--explain", "-"])
        self.assertIsNone(options.verifying)

        options = TokenOptions()
        options.parseOptions(["--explain", "x", "--key", "x" * 32, "--audience", "hub"])
        self.assertEqual(len(options.verifying or ()), 1)
        self.assertEqual((options.rules.audience, options.rules.issuer), (["hub"], None))

    def test_invalid(self) -> None:
        """
        A wrong option is refused in a sentence that says what to do.
        """
        for options, sentence in (
            ([], "Pass what it grants"),
            (["--publish", "a"], "Pass the key that signs it"),
            (["--publish", "a", "--key", "short"], "--key: the secret has 5 bytes"),
            (["--publish", "a", "--key-file", "/none"], "--key-file: /none cannot be read"),
            (["--publish", "a", "--key", "x", "--key-file", "y"], "either --key or --key-file"),
            (["--publish", "a", "--expires", "soon"], "--expires: 'soon' is not a time"),
            (["--publish", "a", "--payload", "{"], "--payload: '{' is not JSON"),
            (["--publish", "a", "--alg", "none"], "--alg: 'none' is not an algorithm"),
            (["--publish", "a", "--protocol", "2"], "--protocol: '2' is not one of"),
            (["--publish", "a", "--protocol", "mercure-1.0"], "--issuer: a token of Mercure 1.0"),
            (["--publish-pattern", "a"], "URL patterns need --protocol mercure-1.0"),
            (["--publish", "a", "--jwks-file", "x"], "--jwks-file: it verifies a token"),
            (["--explain", "x", "--user", "ada"], "--user: it is for a new token"),
            (["--explain", "x", "--publish", "a"], "are for a new token"),
            (["--explain", "x", "--jwks-file", "/none"], "--jwks-file: /none cannot be read"),
            (["--unknown"], "option --unknown not recognized."),
            (["topic"], "'topic' is not an option"),
        ):
            with self.subTest(options=options):
                with self.assertRaises(usage.UsageError) as caught:
                    TokenOptions().parseOptions(options)
                self.assertIn(sentence, str(caught.exception))
