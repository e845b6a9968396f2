"""
The options about tokens and client certificates.
"""

import json
import signal
from pathlib import Path
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.server.commandline import FORM, CommandLineTests, Running, parse
from tests.support.clientcertificates import ClientCA
from tests.support.http import Answer
from tests.support.tokens import SECRET, access_token, detail, jwk, jwks, pem, signed, signer
from tests.web.tokens.jwts import bearer
from twisted_sse.server.config.option import Given
from twisted_sse.server.config.show import show_config

__all__ = ["CertificateTests", "InvalidTests", "ReloadTests", "RoleTests", "SecretTests"]

CLAIMS = {"mercure": {"publish": ["*"], "subscribe": ["*"]}}
GOOD = signed(CLAIMS)
KEY = ["--jwt-key", SECRET.decode()]


def statuses(running: Running, headers: dict[str, str]) -> tuple[int, int]:
    """
    The statuses of a request for a stream and of a publication.
    """
    form = b"topic=a&data=1"
    publishing: Answer = running.ask("POST", "/events", {**FORM, **headers}, form).answer
    return running.get("/events?topic=a", headers).status, publishing.status


class RoleTests(CommandLineTests):
    """
    Whose tokens are accepted for what.
    """

    def test_both(self) -> None:
        """
        One key may be for both, and then no token is made up.
        """
        running = Running(*KEY)

        self.assertEqual(statuses(running, bearer(GOOD)), (200, 200))
        self.assertEqual(statuses(running, {}), (200, 401))
        self.assertEqual(statuses(running, bearer("x")), (401, 401))
        self.assertNotIn("valid until the hub stops", running.log)
        self.assertIn("Bearer TOKEN", running.log)

    def test_separate(self) -> None:
        """
        A token of publishers does not subscribe, and one of subscribers does not publish.
        """
        publisher, subscriber = b"p" * 32, b"s" * 32
        running = Running(
            *("--jwt-publisher-key", publisher.decode()),
            *("--jwt-subscriber-key-file", self.file(subscriber + b"\n")),
            *("--anonymous", "no"),
        )

        self.assertEqual(statuses(running, bearer(signed(CLAIMS, key=publisher))), (401, 200))
        self.assertEqual(statuses(running, bearer(signed(CLAIMS, key=subscriber))), (200, 401))
        self.assertEqual(statuses(running, {}), (401, 401))
        form = running.ask(
            "POST",
            "/events/subscribe",
            {**FORM, **bearer(signed(CLAIMS, key=subscriber))},
            b"topic=a&data=1",
        )
        self.assertEqual(form.answer.status, 200)

    def test_one_of_a_kind(self) -> None:
        """
        The key of a role counts instead of the common one.
        """
        own = b"p" * 32
        running = Running(*KEY, "--jwt-publisher-key", own.decode())

        self.assertEqual(statuses(running, bearer(GOOD)), (200, 401))
        self.assertEqual(statuses(running, bearer(signed(CLAIMS, key=own))), (401, 200))

    def test_subscribers_only(self) -> None:
        """
        With a key for subscribers only, publishers have a token that is made up.
        """
        running = Running("--jwt-subscriber-key", SECRET.decode())

        self.assertIn("valid until the hub stops", running.log)
        self.assertEqual(statuses(running, bearer(GOOD)), (200, 401))

    def test_token_file(self) -> None:
        """
        The tokens in a file are accepted beside those with a signature.
        """
        path = self.file(b"from-the-file\n")
        running = Running(*KEY, "--publish-token-file", path)

        self.assertEqual(statuses(running, bearer("from-the-file")), (200, 200))
        self.assertEqual(statuses(running, bearer(GOOD)), (200, 200))
        self.assertEqual(statuses(running, bearer("other")), (401, 401))

    def test_rules(self) -> None:
        """
        Audience, issuer, algorithm, cookie and query are those of the options.
        """
        key = signer("PS256")
        running = Running(
            *("--jwks-file", self.file(jwks(jwk(key, "1"))), "--jwt-alg", "RS256, PS256"),
            *("--jwt-audience", "other", "--jwt-audience", "https://hub.example/"),
            *("--jwt-issuer", "https://issuer.example", "--cookie", "session"),
            *("--token-in-query", "yes", "--publish-origin", "https://app.example"),
        )
        token = access_token(
            detail("*", actions=["publish"]), key=key, algorithm="PS256", exp=1 << 40
        )
        origin = {"Origin": "https://app.example"}

        self.assertEqual(statuses(running, bearer(token)), (200, 200))
        self.assertEqual(statuses(running, {"Cookie": f"session={token}", **origin}), (200, 200))
        self.assertEqual(statuses(running, {"Cookie": f"session={token}"}), (200, 403))
        self.assertEqual(running.get(f"/events?topic=a&access_token={token}").status, 200)
        other = access_token(detail("a"), key=key, algorithm="PS256", aud="x", exp=1 << 40)
        self.assertEqual(statuses(running, bearer(other)), (401, 401))


class ReloadTests(CommandLineTests):
    """
    SIGHUP.
    """

    def setUp(self) -> None:
        """
        Restore the handler of the signal afterward.
        """
        super().setUp()
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))

    def test_rotation(self) -> None:
        """
        A new key is accepted, and the streams of the old one end.
        """
        old, new = (pem(signer("ES256", name)) for name in ("old", "new"))
        path = Path(self.file(old))
        running = Running("--jwt-key-file", str(path))
        running.reactor.callFromThread = lambda call, *arguments: call(*arguments)
        tokens = {
            name: signed({"exp": 1 << 40}, key=signer("ES256", name), algorithm="ES256")
            for name in ("old", "new")
        }
        stream = running.ask("GET", "/events?topic=a", bearer(tokens["old"]))
        path.write_bytes(new)

        with capturedLogs() as logged:
            signal.raise_signal(signal.SIGHUP)
        running.reactor.advance(0)

        self.assertIn("1 now, 1 new, 1 removed", formatEvent(logged[-1]))
        self.assertTrue(stream.answer.ended)
        self.assertEqual(running.get("/events?topic=a", bearer(tokens["old"])).status, 401)
        self.assertEqual(running.get("/events?topic=a", bearer(tokens["new"])).status, 200)


class SecretTests(CommandLineTests):
    """
    Secrets.
    """

    def test_not_shown(self) -> None:
        """
        Neither the log nor the representation of the configuration has a key.
        """
        running = Running(*KEY)

        self.assertNotIn("ChangeThis", running.log)
        self.assertNotIn("ChangeThis", repr(parse(*KEY).config))
        # By --print-config.
        given = {"jwt-key": Given((SECRET.decode(),), "command line", "--jwt-key")}
        self.assertIn('jwt-key = "***"', show_config(given))


class CertificateTests(CommandLineTests):
    """
    Client certificates; `tests.e2e.test_tokens` shows them to a real hub.
    """

    def options(self, *more: str) -> list[str]:
        """
        The options of a hub with a certificate that asks for those of clients.
        """
        home = Path(self.mktemp())
        home.mkdir()
        certificate, key = self.certificate()
        ca = str(ClientCA(home).path)
        return ["--tls-cert", certificate, "--tls-key", key, "--tls-client-ca", ca, *more]

    def test_token(self) -> None:
        """
        A token is made up only if certificates do not publish.
        """
        for grant, made_up in (("both", False), ("publish", False), ("subscribe", True)):
            with self.subTest(grant=grant):
                running = Running(*self.options("--tls-client-grant", grant))
                self.assertIs("valid until the hub stops" in running.log, made_up)

    def test_without(self) -> None:
        """
        A request without a certificate is authorized by its token.
        """
        running = Running(*self.options("--tls-client-auth", "optional", *KEY))

        self.assertEqual(statuses(running, bearer(GOOD)), (200, 200))
        self.assertEqual(statuses(running, {}), (200, 401))


class InvalidTests(SynchronousTestCase):
    """
    Options that are wrong.
    """

    CASES: list[tuple[list[str], str]] = [
        (["--jwt-key", "short"], "--jwt-key: the secret has 5 bytes, and HS256 needs at least 32"),
        (["--jwt-key-file", "/none"], "--jwt-key-file: /none cannot be read: No such file"),
        (["--jwks-file", "/none"], "--jwks-file: /none cannot be read: No such file"),
        (["--jwks-subscriber-url", "x"], "--jwks-subscriber-url: 'x' is not the URL"),
        ([*KEY, "--jwt-alg", "none"], "--jwt-alg: 'none' is not an algorithm: use"),
        ([*KEY, "--jwt-alg", "RS256"], "--jwt-key: a secret is not for RS256"),
        ([*KEY, "--jwks-url", "https://x/"], "--jwks-url: there is --jwt-key already"),
        (["--jwt-alg", "RS256"], "--jwt-alg: it needs a key, such as --jwt-key-file."),
        (["--jwt-publisher-alg", "RS256"], "it needs a key, such as --jwt-publisher-key-file."),
        (["--jwt-audience", "x"], "--jwt-audience: it is for tokens with a key"),
        (["--jwt-issuer", "x"], "--jwt-issuer: it is for tokens with a key"),
        (["--cookie", "x"], "--cookie: it is for tokens with a key"),
        ([*KEY, "--cookie", "a b"], "--cookie: 'a b' is not the name of a cookie"),
        ([*KEY, "--jwt-issuer", ""], "--jwt-issuer: it is empty"),
        ([*KEY, "--token-in-query", "1"], "--token-in-query: '1' is neither yes nor no"),
        (["--publish-origin", "x"], "--publish-origin: 'x' is not an origin"),
        (["--publish-origin", "null"], "--publish-origin: 'null' is the origin of every page"),
        (
            ["--jwt-publisher-key", "p" * 32, "--anonymous", "no"],
            "--anonymous: with no, nothing lets anybody subscribe",
        ),
        (["--tls-client-ca", "x"], "--tls-client-ca: it needs --tls-cert"),
        (["--tls-client-auth", "optional"], "--tls-client-auth: it needs --tls-client-ca"),
        (["--tls-client-grant", "publish"], "--tls-client-grant: it needs --tls-client-ca"),
        (["--tls-client-auth", "maybe"], "'maybe' is not one of required, optional"),
    ]

    def test_invalid(self) -> None:
        """
        A wrong option is refused in a sentence that names it, without any secret.
        """
        for options, sentence in self.CASES:
            with self.subTest(options=options):
                with self.assertRaises(SystemExit) as caught:
                    parse(*options)
                self.assertIn(sentence, str(caught.exception))
                self.assertNotIn("ChangeThis", str(caught.exception))

    def test_document(self) -> None:
        """
        A file that is no key set is named.
        """
        path = Path(self.mktemp())
        contents: list[Any] = ["x", {}, {"keys": []}]
        for content in contents:
            path.write_text(json.dumps(content), encoding="utf-8")
            with self.assertRaises(SystemExit) as caught:
                parse("--jwks-file", str(path))
            self.assertIn(f"--jwks-file: {path} cannot be used: it", str(caught.exception))
