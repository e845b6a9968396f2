"""
TLS with a real hub: protocol versions, records, and renewed certificates.
"""

import os
import shlex
import signal
import socket
import ssl
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import names_on, trust_everything, write_certificate
from tests.support.curl import publish
from tests.support.hub_process import TOKEN, HubProcess, run_twistd
from tests.support.ports import free_port
from tests.support.processes import Background, find_twistd
from tests.support.streams import RawStream
from tests.support.tls import APPLICATION_DATA, Client
from tests.support.waiting import PATIENCE, eventually

__all__ = ["HangUpTests", "ProfileTests", "RecordsTests", "RefusedTests", "RenewalTests"]


class TLSTestCase(SynchronousTestCase):
    """
    Tests of hubs with a certificate.
    """

    def setUp(self) -> None:
        """
        Make a directory for the certificate.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = Path(directory.name)

    def options(self, *names: str, **options: timedelta) -> list[str]:
        """
        Make a certificate for *names*, and return the options that serve it.
        """
        certificate, key = map(str, write_certificate(self.home, *names, **options))
        return ["--tls-cert", certificate, "--tls-key", key]

    def start(self, *names: str) -> HubProcess:
        """
        Start a hub with a certificate for *names*.
        """
        hub = HubProcess(*self.options(*names))
        self.addCleanup(hub.stop)
        return hub

    def stream(self, hub: HubProcess) -> RawStream:
        """
        Open a stream.
        """
        stream = RawStream(hub.port, "/events?topic=news", tls=True)
        self.addCleanup(stream.close)
        stream.named("stream-open")
        return stream


def shown(hub: HubProcess) -> list[str]:
    """
    Return the names in the certificate that a new client is sent.
    """
    with (
        socket.create_connection(("127.0.0.1", hub.port), PATIENCE) as plain,
        trust_everything().wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        return names_on(secured.getpeercert(binary_form=True))


class Recorded:
    """
    A client on a socket that counts TLS records.

    Args:
        protocol: The protocol that it offers in ALPN.
    """

    def __init__(self, port: int, protocol: str) -> None:
        context = trust_everything()
        context.set_alpn_protocols([protocol])
        self._client = Client(context)
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        while not self._client.shake_hands():
            self._turn()

    @property
    def records(self) -> int:
        """
        The number of records with application data that were received.
        """
        return self._client.records.count(APPLICATION_DATA)

    def send(self, data: bytes) -> None:
        """
        Send *data*.
        """
        self._client.tls.write(data)
        self.socket.sendall(self._client.give())

    def read_until(self, text: bytes, take: Callable[[bytes], bytes]) -> None:
        """
        Read until *text* was received.

        Args:
            take: Called with each piece of data; returns the whole body so far.
        """
        while text not in take(self._client.read()):
            self._turn()

    def _turn(self) -> None:
        self.socket.sendall(self._client.give())
        data = self.socket.recv(65536)
        assert data, "the server has closed the connection"
        self._client.take(data)


class ProfileTests(TLSTestCase):
    """
    Python's own client; `tests.transport.tls.test_context` tests every cipher suite.
    """

    def connect(
        self, hub: HubProcess, context: ssl.SSLContext, session: ssl.SSLSession | None = None
    ) -> ssl.SSLSocket:
        """
        Connect, and read a response, so that session tickets have arrived too.
        """
        plain = socket.create_connection(("127.0.0.1", hub.port), PATIENCE)
        self.addCleanup(plain.close)
        secured = context.wrap_socket(plain, server_hostname="localhost", session=session)
        self.addCleanup(secured.close)
        secured.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(b"200 OK", secured.recv(65536))
        return secured

    def test_spoken(self) -> None:
        """
        TLS 1.2 and 1.3 work, a session is resumed, and a weak cipher suite is refused.
        """
        hub = self.start()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trust_everything()
            context.minimum_version = context.maximum_version = version
            first = self.connect(hub, context)
            second = self.connect(hub, context, first.session)

            self.assertEqual((first.session_reused, second.session_reused), (False, True))

        context = trust_everything()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES128-SHA")
        with self.assertRaises(ssl.SSLError):
            self.connect(hub, context)


class RecordsTests(TLSTestCase):
    """
    Events published in one turn are one TLS record on each connection.
    """

    def setUp(self) -> None:
        """
        Start a hub.
        """
        super().setUp()
        self.hub = self.start()

    def connect(self, protocol: str) -> Recorded:
        """
        Connect a client that counts records.
        """
        client = Recorded(self.hub.port, protocol)
        self.addCleanup(client.socket.close)
        return client

    def assert_one_record_each(self, client: Recorded, take: Callable[[bytes], bytes]) -> None:
        """
        Assert that an open stream receives each burst of events as one record.
        """
        for size in (1, 3, 10):
            before = client.records
            messages = [f"{size}-{number}" for number in range(size)]
            publish(self.hub.url, TOKEN, "news", *messages)
            client.read_until(f"data: {messages[-1]}\n\n".encode(), take)

            self.assertEqual(client.records - before, 1)

    def test_http_1_1(self) -> None:
        """
        Over HTTP/1.1 the record contains the chunk size, the events and the line ends.
        """
        client = self.connect("http/1.1")
        client.send(b"GET /events?topic=news HTTP/1.1\r\nHost: localhost\r\n\r\n")
        body = bytearray()

        def take(data: bytes) -> bytes:
            body.extend(data)
            return bytes(body)

        client.read_until(b'"}\n\n', take)

        self.assert_one_record_each(client, take)

    def test_http_2(self) -> None:
        """
        Over HTTP/2 the record contains all streams of the connection.
        """
        client = self.connect("h2")
        protocol = H2Connection(H2Configuration(header_encoding="utf-8"))
        protocol.initiate_connection()
        path = [(":path", "/events?topic=news"), (":scheme", "https"), (":authority", "localhost")]
        for stream in (1, 3):
            protocol.send_headers(stream, [(":method", "GET"), *path], end_stream=True)
        client.send(protocol.data_to_send())
        bodies = {1: b"", 3: b""}

        def take(data: bytes) -> bytes:
            # The shorter body, so that the wait is for both streams.
            for event in protocol.receive_data(data):
                if isinstance(event, DataReceived):
                    bodies[event.stream_id] += event.data
            return min(bodies.values(), key=len)

        client.read_until(b'"}\n\n', take)

        self.assert_one_record_each(client, take)


class RenewalTests(TLSTestCase):
    """
    A certificate that is renewed while the hub runs.
    """

    def assert_lives(self, hub: HubProcess, stream: RawStream) -> None:
        """
        Assert that an open stream receives new events.
        """
        publish(hub.url, TOKEN, "news", "still here")

        self.assertEqual(stream.data(1), ["still here"])

    def hang_up(self, hub: HubProcess) -> None:
        """
        Send SIGHUP, which does not end the hub.
        """
        hub.send_signal(signal.SIGHUP)
        # HubProcess.stop() sends no SIGTERM after another signal.
        self.addCleanup(hub.send_signal, signal.SIGTERM)

    def test_signal(self) -> None:
        """
        After SIGHUP new clients are sent the new certificate, and an open stream lives on.
        """
        hub = self.start("old.example")
        stream = self.stream(hub)
        self.assertEqual(shown(hub), ["old.example"])

        self.options("new.example")
        self.hang_up(hub)
        eventually(lambda: shown(hub) == ["new.example"], "the new certificate is not shown")

        self.assert_lives(hub, stream)

    def test_watching(self) -> None:
        """
        Without a signal the same happens some seconds later.
        """
        hub = self.start("old.example")
        stream = self.stream(hub)

        self.options("new.example")
        eventually(lambda: shown(hub) == ["new.example"], "the new certificate is not shown")

        self.assert_lives(hub, stream)

    def test_wrong(self) -> None:
        """
        While the file is invalid, the old certificate is sent, and one log line says why.
        """
        hub = self.start("old.example")
        # Not stop(), which fails because the log contains a warning.
        self.addCleanup(hub.kill)
        stream = self.stream(hub)
        certificate = self.home / "certificate.pem"

        certificate.write_bytes(b"half a certif")
        self.hang_up(hub)
        eventually(lambda: "certificates in use stay" in hub.log, "nothing is logged")

        self.assertEqual(shown(hub), ["old.example"])
        self.assertIn(f"because there is no PEM certificate in {certificate}", hub.log)
        self.assertNotIn("Traceback", hub.log)
        self.assert_lives(hub, stream)


class HangUpTests(TLSTestCase):
    """
    The terminal that a hub was started from is closed, which sends SIGHUP too.
    """

    def start_in_terminal(self, *before: str) -> tuple[Background, int]:
        """
        Start a hub with a terminal of its own, and wait until it answers.

        Args:
            before: Words before the command, such as ``nohup``.

        Returns:
            The program, and the file descriptor to close to close the terminal.
        """
        port = free_port()
        command = [*before, find_twistd(), "-n", "--pidfile=", "sse", "--port", str(port)]
        ours, theirs = os.openpty()
        # sh leads a session without a terminal, so the first one that it opens becomes its own.
        line = f"exec {shlex.join([*command, *self.options()])} <{os.ttyname(theirs)}"
        program = Background(["sh", "-c", line])
        self.addCleanup(program.end)
        self.addCleanup(os.close, theirs)

        def answers() -> bool:
            try:
                url = f"https://localhost:{port}/readyz"
                urlopen(url, timeout=PATIENCE, context=trust_everything()).close()
            except URLError:
                return False
            return True

        eventually(answers, "the hub does not answer")
        return program, ours

    @pytest.mark.alone
    def test_closed(self) -> None:
        """
        The hub stops properly, as users expect of a program in the foreground.
        """
        program, terminal = self.start_in_terminal()
        os.close(terminal)

        self.assertEqual(program.wait(), 0, program.output())
        self.assertIn("The terminal is gone, shutting down", program.output())

    def test_nohup(self) -> None:
        """
        With nohup the hub keeps running.
        """
        program, terminal = self.start_in_terminal("nohup")
        os.close(terminal)

        eventually(lambda: "Received SIGHUP" in program.output(), "the signal has not arrived")
        self.assertTrue(program.running())


class RefusedTests(TLSTestCase):
    """
    Unusable certificates and keys end with exit status 1 and one sentence.
    """

    def assert_refused(self, options: list[str], sentence: str) -> None:
        """
        Assert that the hub exits with status 1 and *sentence* in its last line.
        """
        done = run_twistd(*options)

        output = done.stdout + done.stderr
        self.assertEqual(done.returncode, 1, output)
        self.assertNotIn("Traceback", output)
        self.assertRegex(output.splitlines()[-1], sentence)

    def test_expired(self) -> None:
        """
        An expired certificate is refused.
        """
        options = self.options(since=timedelta(days=-2), until=timedelta(days=-1))

        self.assert_refused(options, r"--tls-cert: the certificate in \S+ expired at .* UTC\.")

    def test_passphrase(self) -> None:
        """
        A key with a passphrase is refused without the passphrase.
        """
        certificate, key = write_certificate(self.home, passphrase=b"secret")

        self.assert_refused(
            ["--tls-cert", str(certificate), "--tls-key", str(key)],
            r"--tls-key: the key in \S+ has a passphrase; write it to a --tls-passphrase-file\.",
        )
