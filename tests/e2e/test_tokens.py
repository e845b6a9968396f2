"""
Tokens and client certificates with a real hub.
"""

import json
import signal
import subprocess
import tempfile
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.clientcertificates import ClientCA, ClientFiles
from tests.support.commands import run_command
from tests.support.curl import Answer, CurlStream, curl
from tests.support.hub_process import HubProcess
from tests.support.streams import RawStream
from tests.support.tokens import SECRET, access_token, detail, jwk, jwks, pem, signed, signer
from tests.support.waiting import eventually

__all__ = ["CertificateTests", "CommandTests", "CookieTests", "KeyServerTests", "RotationTests"]

CLAIMS: dict[str, Any] = {"mercure": {"publish": ["*"], "subscribe": ["*"]}}
FORM = ["-d", "topic=news", "-d", "data=hello"]


class KeyServer:
    """
    An issuer's web server.

    Attributes:
        document: What it answers; ``None`` is an error.

        requests: The number of requests so far.
    """

    def __init__(self, document: bytes) -> None:
        self.document: bytes | None = document
        self.requests = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """
                Answer with the document.
                """
                issuer.requests += 1
                document = issuer.document
                self.send_response(500 if document is None else 200)
                self.send_header("Content-Length", str(len(document or b"")))
                self.end_headers()
                self.wfile.write(document or b"")

            def log_message(self, *arguments: Any) -> None:
                """
                Log nothing.
                """

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """
        The URL of the document.
        """
        return f"http://127.0.0.1:{self._server.server_port}/keys"

    def stop(self) -> None:
        """
        Stop.
        """
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def token(name: str, **claims: Any) -> str:
    """
    A token that is signed with the key *name*, for an hour.
    """
    full = {**CLAIMS, "exp": time.time() + 3600, **claims}
    return signed(full, key=signer("ES256", name), algorithm="ES256", header={"kid": name})


def public(*names: str) -> bytes:
    """
    The key set with these keys.
    """
    return jwks(*(jwk(signer("ES256", name), name) for name in names))


def publish(hub: HubProcess, given: str, *options: str) -> Answer:
    """
    Publish an event with a token.
    """
    header = f"Authorization: Bearer {given}"
    return curl("--insecure", "-H", header, *FORM, *options, f"{hub.url}/events")


class TokenTestCase(SynchronousTestCase):
    """
    Starts hubs.
    """

    def setUp(self) -> None:
        """
        Make a directory.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = Path(directory.name)

    def start(self, *options: str) -> HubProcess:
        """
        Start a hub without a file of tokens.
        """
        hub = HubProcess(*options, token=None)
        self.addCleanup(hub.stop)
        return hub

    def stream(self, hub: HubProcess, given: str) -> RawStream:
        """
        Open a stream with a token.
        """
        stream = RawStream(hub.port, "/events?topic=news", f"Authorization: Bearer {given}")
        self.addCleanup(stream.close)
        stream.named("stream-open")
        return stream


class KeyServerTests(TokenTestCase):
    """
    ``--jwks-url`` with a server that changes its keys.
    """

    def serve(self, document: bytes) -> KeyServer:
        """
        Start a server with these keys.
        """
        server = KeyServer(document)
        self.addCleanup(server.stop)
        return server

    def test_rotation(self) -> None:
        """
        The hub fetches the keys when it starts, and again for an unknown one; streams whose
        key is gone end.
        """
        server = self.serve(public("old"))
        hub = self.start("--jwks-url", server.url, "--anonymous", "no")
        eventually(lambda: "1 now, 1 new, 0 removed" in hub.log, "no keys were fetched")
        old = self.stream(hub, token("old"))
        server.document = public("new")
        # An unknown key causes a fetch, at most every ten seconds.
        answer = eventually(
            lambda: self._accepted(publish(hub, token("new"))), "the new key is not known", 30
        )

        self.assertEqual(answer.status, 200)
        old.rest()
        self.assertTrue(old.complete)
        self.assertEqual(publish(hub, token("old")).status, 401)
        self.assertEqual(server.requests, 2)

    def test_invented(self) -> None:
        """
        Tokens with invented keys make the hub ask its issuer once.
        """
        server = self.serve(public("one"))
        hub = self.start("--jwks-url", server.url)
        eventually(lambda: "1 now" in hub.log, "no keys were fetched")
        for number in range(20):
            self.assertEqual(publish(hub, token(f"invented-{number}")).status, 401)

        self.assertLessEqual(server.requests, 3)
        self.assertEqual(publish(hub, token("one")).status, 200)

    def _accepted(self, answer: Answer) -> Answer | None:
        return answer if answer.status == 200 else None


class RotationTests(TokenTestCase):
    """
    A key file that is read again, and tokens that end.
    """

    def test_hang_up(self) -> None:
        """
        After SIGHUP the new key counts, and the streams of the old one end.
        """
        path = self.home / "key.pem"
        path.write_bytes(pem(signer("ES256", "old")))
        hub = self.start("--jwt-key-file", str(path))
        old = self.stream(hub, token("old"))
        path.write_bytes(pem(signer("ES256", "new")))
        hub.send_signal(signal.SIGHUP)
        # For cleaning up: the hub has received a signal, but was not told to stop.
        self.addCleanup(hub.send_signal, signal.SIGTERM)
        old.rest()

        self.assertTrue(old.complete)
        self.assertEqual(publish(hub, token("new")).status, 200)
        self.assertEqual(publish(hub, token("old")).status, 401)

    def test_expiry(self) -> None:
        """
        A stream ends when its token expires, and the log says why a later one is refused.
        """
        path = self.home / "key.pem"
        path.write_bytes(pem(signer("ES256", "old")))
        hub = self.start("--jwt-key-file", str(path))
        short = token("old", exp=time.time() + 2)
        stream = self.stream(hub, short)
        stream.rest()

        self.assertTrue(stream.complete)
        answer = publish(hub, short)
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.headers["www-authenticate"], 'Bearer error="invalid_token"')
        self.assertIn("is refused: it expired", hub.log)
        self.assertNotIn(short, hub.log)


class CookieTests(TokenTestCase):
    """
    Tokens in cookies.
    """

    def test_origin(self) -> None:
        """
        A cookie subscribes, and publishes only for a page that may.
        """
        path = self.home / "secret"
        path.write_bytes(SECRET)
        hub = self.start(
            *("--jwt-key-file", str(path), "--anonymous", "no"),
            *("--publish-origin", "https://app.example"),
        )
        cookie = f"mercureAuthorization={signed(CLAIMS)}"
        stream = CurlStream("--cookie", cookie, f"{hub.url}/events?topic=news")
        self.addCleanup(stream.close)
        stream.wait_for("event: stream-open")

        for origin, status in (
            ([], 403),
            (["-H", "Origin: https://evil.example"], 403),
            (["-H", "Origin: null"], 403),
            (["-H", "Origin: https://app.example"], 200),
            (["-H", f"Origin: {hub.url}"], 200),
        ):
            with self.subTest(origin=origin):
                answer = curl("--cookie", cookie, *origin, *FORM, f"{hub.url}/events")
                self.assertEqual(answer.status, status)
        stream.wait_for("data: hello\n\n")
        self.assertEqual(curl(f"{hub.url}/events?topic=news").status, 401)

    def test_mercure_1(self) -> None:
        """
        A token of Mercure 1.0 in its cookie subscribes to what its details say.
        """
        path = self.home / "secret"
        path.write_bytes(SECRET)
        hub = self.start(
            *("--jwt-key-file", str(path), "--anonymous", "no"),
            *("--jwt-issuer", "https://issuer.example"),
            *("--jwt-audience", "https://hub.example/"),
        )
        details = [detail("news"), detail("news", actions=["publish"])]
        given = access_token(*details, exp=int(time.time()) + 60)
        cookie = f"__Secure-mercure_access_token={given}"
        stream = CurlStream("--cookie", cookie, f"{hub.url}/events?topic=news")
        self.addCleanup(stream.close)
        stream.wait_for("event: stream-open")

        self.assertEqual(publish(hub, given, "-d", "private=on").status, 200)
        stream.wait_for("data: hello\n\n")
        other = access_token(details[0], exp=int(time.time()) + 60, aud="https://other/")
        self.assertEqual(publish(hub, other).status, 401)
        self.assertIn("aud is 'https://other/', this hub is 'https://hub.example/'", hub.log)


class CertificateTests(TokenTestCase):
    """
    Client certificates.
    """

    def setUp(self) -> None:
        """
        Make a CA.
        """
        super().setUp()
        self.ca = ClientCA(self.home)

    def secured(self, *options: str) -> HubProcess:
        """
        Start a hub that asks clients for certificates, and lets them do without.
        """
        certificate, key = map(str, write_certificate(self.home))
        return self.start(
            *("--tls-cert", certificate, "--tls-key", key, "--tls-client-ca", str(self.ca.path)),
            *("--tls-client-auth", "optional", "--anonymous", "no", *options),
        )

    def test_protocols(self) -> None:
        """
        A certificate subscribes and publishes, over HTTP/1.1 and HTTP/2.
        """
        hub = self.secured()
        files = self.ca.issue("Ada")
        for protocol, version in (("--http1.1", "1.1"), ("--http2", "2")):
            with self.subTest(protocol=protocol):
                stream = CurlStream(protocol, *files.curl, f"{hub.url}/events?topic=news")
                self.addCleanup(stream.close)
                stream.wait_for("event: stream-open")
                answer = curl(protocol, *files.curl, *FORM, f"{hub.url}/events")
                self.assertEqual((answer.status, answer.version), (200, version))
                stream.wait_for("data: hello\n\n")

    def test_refused(self) -> None:
        """
        Without a certificate a token is needed; a certificate of another CA, or one that has
        expired, ends the handshake.
        """
        hub = self.secured()
        other = ClientCA(self.home, "other")

        self.assertEqual(curl("--insecure", f"{hub.url}/events?topic=news").status, 401)
        for files in (other.issue(), self.ca.issue(until=timedelta(minutes=-1))):
            with self.assertRaises(subprocess.CalledProcessError):
                self.subscribe(hub, files)

    def test_expiry(self) -> None:
        """
        A stream ends when the certificate expires.
        """
        hub = self.secured()
        files = self.ca.issue(until=timedelta(seconds=4))
        stream = CurlStream(*files.curl, f"{hub.url}/events?topic=news")
        self.addCleanup(stream.close)
        stream.wait_for("event: stream-open")

        self.assertEqual(stream.wait(), 0)

    def test_other_page(self) -> None:
        """
        A page of another site may not publish with the certificate of its visitor.
        """
        hub = self.secured()
        files = self.ca.issue()

        answer = curl(*files.curl, "-H", "Origin: https://evil.example", *FORM, f"{hub.url}/events")
        self.assertEqual(answer.status, 403)

    def test_grant(self) -> None:
        """
        A certificate may be for subscribing only; a token publishes over its connection.
        """
        path = self.home / "secret"
        path.write_bytes(SECRET)
        hub = self.secured("--tls-client-grant", "subscribe", "--jwt-key-file", str(path))
        files = self.ca.issue()

        self.assertEqual(curl(*files.curl, *FORM, f"{hub.url}/events").status, 403)
        header = f"Authorization: Bearer {signed(CLAIMS)}"
        answer = curl(*files.curl, "-H", header, *FORM, f"{hub.url}/events")
        self.assertEqual(answer.status, 200)

    def subscribe(self, hub: HubProcess, files: ClientFiles) -> Answer:
        """
        Ask for the headers of a stream.
        """
        return curl(*files.curl, "--head", f"{hub.url}/events?topic=news")


class CommandTests(TokenTestCase):
    """
    ``twisted-sse token``.
    """

    def run_token(self, *options: str, status: int = 0, given: str | None = None) -> str:
        """
        Run the command, and return its output.
        """
        done = run_command("token", *options, stdin=given)
        self.assertEqual(done.status, status, done.err)
        self.assertNotIn("Traceback", done.err)
        return done.out.strip() or done.err.strip()

    def test_made(self) -> None:
        """
        A hub accepts the tokens that the command makes, for what they grant.
        """
        private = self.home / "private.pem"
        key = signer("ES256", "old")
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public_file = self.home / "public.pem"
        public_file.write_bytes(pem(key))
        hub = self.start(
            *("--jwt-key-file", str(public_file)),
            *("--jwt-issuer", "https://issuer.example", "--jwt-audience", "https://hub.example/"),
        )
        parties = ["--issuer", "https://issuer.example", "--audience", "https://hub.example/"]
        for protocol in ("mercure-0.x", "mercure-1.0"):
            with self.subTest(protocol=protocol):
                made = self.run_token(
                    *("--key-file", str(private), "--publish", "news", "--user", "ada"),
                    *("--protocol", protocol, *parties),
                )
                self.assertEqual(publish(hub, made).status, 200)
                self.assertEqual(publish(hub, made, "-d", "topic=other").status, 403)
                told = self.run_token("--explain", "-", "--key-file", str(public_file), given=made)
                self.assertIn("signature   right", told)

    def test_explained(self) -> None:
        """
        A token that would be refused is explained, and the status says so.
        """
        text = signed({"sub": "ada", "exp": 12, **CLAIMS})
        told = json.loads(self.run_token("--json", "--explain", text, status=2))

        self.assertEqual((told["user"], told["publish"], told["verified"]), ("ada", ["*"], None))
        self.assertTrue(told["refused"][0].startswith("it expired "))
