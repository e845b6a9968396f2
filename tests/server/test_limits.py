"""
The options of limits: what they are by default, and that they are obeyed.
"""

import resource
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import SynchronousTestCase

from tests.server.commandline import TARGET, CommandLineTests, Running, parse
from tests.support.http import Answer, parse_answers
from twisted_sse.server import socketlimits
from twisted_sse.server.config.config import default_config
from twisted_sse.server.limits import connection_limits
from twisted_sse.server.socketlimits import open_files
from twisted_sse.transport.proxyprotocol import ProxyProtocolFactory
from twisted_sse.transport.tls.context import TLSFactory

__all__ = ["DefaultTests", "NoLimitTests", "ObeyedTests", "ProxyTests"]


class DefaultTests(SynchronousTestCase):
    """
    `connection_limits`.
    """

    def files(self, limit: int) -> None:
        """
        Let this process seem to have *limit* open files, of which 20 are open.
        """
        self.patch(resource, "getrlimit", lambda _: (limit, limit))
        self.patch(socketlimits, "_open_files", lambda: 20)

    def test_files(self) -> None:
        """
        The open files allow so many streams, and a quarter to one address or user.
        """
        for files, expected in [
            (1024, (812, 203, 203, 250)),
            (100, (60, 100, 100, 250)),
            (1_000_000, (999_788, 249_947, 249_947, 250)),
            (resource.RLIM_INFINITY, (None, None, None, 250)),
        ]:
            with self.subTest(files=files):
                self.files(files)

                self.assertEqual(connection_limits(default_config(), open_files()), expected)

    def test_given(self) -> None:
        """
        What is given counts, and the others follow from it.
        """
        self.files(1024)
        for config, expected in [
            (default_config(max_connections=2000), (2000, 500, 500, 250)),
            (default_config(max_connections=None), (None, None, None, 250)),
            (default_config(max_connections_per_address=7), (812, 7, 203, 250)),
            (default_config(max_connections_per_user=None), (812, 203, None, 250)),
            (default_config(max_accepts=1), (812, 203, 203, 1)),
            (default_config(max_accepts=None), (812, 203, 203, None)),
            (default_config(max_accepts_per_address=7), (812, 203, 203, 7)),
        ]:
            with self.subTest(config=config):
                self.assertEqual(connection_limits(config, open_files()), expected)


class NoLimitTests(CommandLineTests):
    """
    The value ``none``.
    """

    LIMITS = (
        "max-connections",
        "max-connections-per-address",
        "max-connections-per-user",
        "max-accepts",
        "max-accepts-per-address",
        "max-streams",
        "max-topics",
        "max-publication-topics",
        "max-publish-rate",
        "max-body",
        "handshake-timeout",
        "head-timeout",
        "body-timeout",
        "send-timeout",
    )

    def test_each(self) -> None:
        """
        Every limit can be turned off, and the hub serves.
        """
        for name in self.LIMITS:
            with self.subTest(limit=name):
                running = Running(f"--{name}", "none")

                self.assertEqual(running.get().status, 200)

    def test_all(self) -> None:
        """
        So can all together.
        """
        options = [part for name in self.LIMITS for part in (f"--{name}", "none")]
        running = Running("--publish-token-file", self.file(b"secret"), *options)
        topics = "&".join(f"topic={number}" for number in range(300))

        self.assertEqual(running.get(f"/events?{topics}").status, 200)
        body = b"topic=a&data=".ljust(2_000_000, b"x")
        self.assertEqual(running.post(body, "secret").status, 200)

    def test_sentence(self) -> None:
        """
        The sentence for an invalid limit names it.
        """
        with self.assertRaises(SystemExit) as caught:
            parse("--max-accepts", "0")

        self.assertIn("write 'none' for no limit", str(caught.exception))


class ObeyedTests(CommandLineTests):
    """
    Good values take effect.
    """

    def test_publish_rate(self) -> None:
        """
        ``--max-publish-rate``: ten times as many are taken at once, and no more.
        """
        for arguments, expected in ([("--max-publish-rate", "1"), 429], [(), 200]):
            with self.subTest(arguments=arguments):
                running = Running("--publish-token-file", self.file(b"secret"), *arguments)
                found = [running.post(b"topic=a&data=x", "secret").status for _ in range(11)]

                self.assertEqual(found, [200] * 10 + [expected])

    def test_publication_topics(self) -> None:
        """
        ``--max-publication-topics``: one more is refused.
        """
        tokens = ("--publish-token-file", self.file(b"secret"))
        form = b"topic=a&topic=b&topic=c&data=1"
        for arguments, expected in ([("--max-publication-topics", "2"), 400], [(), 200]):
            with self.subTest(arguments=arguments):
                answer = Running(*tokens, *arguments).post(form, "secret")

                self.assertEqual(answer.status, expected)

    def test_handshake_timeout(self) -> None:
        """
        ``--handshake-timeout``: a client that is silent for longer is disconnected.
        """
        certificate, key = self.certificate()
        for arguments, connected in ([("--handshake-timeout", "20"), True], [(), False]):
            with self.subTest(arguments=arguments):
                running = Running("--tls-cert", certificate, "--tls-key", key, *arguments)
                site: Any = running.site

                timeout = site.settings.handshake_timeout
                self.assertEqual(timeout > 15, connected)


class ProxyTests(CommandLineTests):
    """
    ``--trusted-proxy``, ``--proxy-header``, and ports with the PROXY protocol.
    """

    def connect(self, running: Running, data: bytes, peer: str = "10.0.0.1") -> list[Answer]:
        """
        Send *data* to the first port, and return the answers.
        """
        address = IPv4Address("TCP", peer, 1)
        transport = StringTransportWithDisconnection(peerAddress=address)
        protocol: Any = running.reactor.tcpServers[0][1].buildProtocol(address)
        transport.protocol = protocol
        protocol.makeConnection(transport)
        if transport.connected:
            protocol.dataReceived(data)
        running.reactor.advance(0)
        return parse_answers(transport.value())

    def ask(self, *headers: bytes) -> bytes:
        """
        A request for a stream.
        """
        lines = [b"GET " + TARGET.encode() + b" HTTP/1.1", b"Host: a", *headers, b"", b""]
        return b"\r\n".join(lines)

    def test_header(self) -> None:
        """
        Clients behind a trusted proxy have addresses of their own, by one header or the other.
        """
        for arguments, name, value in (
            ((), b"X-Forwarded-For", b"192.0.2.%d"),
            (("--proxy-header", "Forwarded"), b"Forwarded", b"for=192.0.2.%d"),
        ):
            with self.subTest(name=name):
                running = Running(
                    *("--trusted-proxy", "10.0.0.0/8", "--max-connections-per-address", "1"),
                    *arguments,
                )
                found = [
                    self.connect(running, self.ask(name + b": " + value % number))[0].status
                    for number in (1, 2, 1)
                ]

                self.assertEqual(found, [200, 200, 429])

    def test_protocol(self) -> None:
        """
        So have clients of a port that speaks the PROXY protocol.
        """
        running = Running(
            *("--port", "haproxy:8080", "--trusted-proxy", "10.0.0.1"),
            *("--max-connections-per-address", "1"),
        )
        found = []
        for number in (1, 2, 1):
            line = b"PROXY TCP4 192.0.2.%d 192.0.2.9 1 2\r\n" % number
            found.append(self.connect(running, line + self.ask())[0].status)

        self.assertEqual(found, [200, 200, 429])
        self.assertEqual(self.connect(running, self.ask()), [])
        self.assertEqual(self.connect(running, line + self.ask(), "10.0.0.2"), [])
        self.assertIn("curl --haproxy-protocol", running.log)

    def test_tls(self) -> None:
        """
        The header precedes TLS, as proxies send it.
        """
        certificate, key = self.certificate()
        running = Running(
            *("--port", "haproxy:8443", "--trusted-proxy", "10.0.0.1"),
            *("--tls-cert", certificate, "--tls-key", key),
        )
        factory = running.reactor.tcpServers[0][1]

        self.assertIsInstance(factory, ProxyProtocolFactory)
        self.assertIsInstance(factory.wrappedFactory, TLSFactory)
        self.assertIn("https://localhost:8443", running.log)

    def test_refused(self) -> None:
        """
        Half of the options is refused, with what is missing.
        """
        for arguments, sentence in [
            (("--port", "haproxy:8080"), "--port: haproxy: needs --trusted-proxy"),
            (("--proxy-header", "Forwarded"), "--proxy-header: it needs --trusted-proxy"),
            (("--trusted-proxy", "10.0.0.1/8"), "--trusted-proxy: '10.0.0.1/8' is not a network"),
            (
                ("--trusted-proxy", "10.0.0.1", "--proxy-header", "X-Real-IP"),
                "--proxy-header: 'X-Real-IP' is neither",
            ),
        ]:
            with self.subTest(arguments=arguments):
                with self.assertRaises(SystemExit) as caught:
                    parse(*arguments)

                self.assertIn(sentence, str(caught.exception))
