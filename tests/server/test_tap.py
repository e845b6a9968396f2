"""
``twistd sse``: good values are obeyed, bad ones refused in one sentence.
"""

import contextlib
import io
from typing import Any

from twisted.application.service import IService, IServiceMaker
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site
from zope.interface.verify import verifyObject

from tests.server.commandline import TARGET, CommandLineTests, Running, parse
from tests.support.http import Caller
from twisted_sse.history.plugins import find_factories
from twisted_sse.server.build import make_server
from twisted_sse.server.tap import Options, makeService

ROLES = {first: [first, f"{first}-publisher", f"{first}-subscriber"] for first in ("jwt", "jwks")}

OPTIONS = [
    "port",
    "history",
    "keepalive",
    "retry",
    "retry-spread",
    "cors-origin",
    "anonymous",
    "publish-token-file",
    "protocol",
    "subscriptions",
    "public-url",
    "tls-cert",
    "tls-key",
    "tls-passphrase-file",
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
    "presence",
    "max-lifetime",
    "drain-delay",
    "trusted-proxy",
    "proxy-header",
    "grace",
    "spread",
    "farewell",
    "demo",
    "workers",
    "takeover",
    "log-format",
    "log-level",
    "access-log",
    "admin",
    "admin-token-file",
    "self-test",
    "config",
    "check-config",
    "print-config",
    *(f"{first}-{rest}" for first in ROLES["jwt"] for rest in ("key", "key-file", "alg")),
    *(f"{first}-{rest}" for first in ROLES["jwks"] for rest in ("file", "url")),
    "jwt-audience",
    "jwt-issuer",
    "cookie",
    "publish-origin",
    "token-in-query",
    "tls-client-ca",
    "tls-client-auth",
    "tls-client-grant",
]


class TakenReactor(MemoryReactorClock):
    """
    A reactor that cannot listen.
    """

    def listenUNIX(self, address: str, *rest: Any, **options: Any) -> Any:
        """
        See `IReactorUNIX.listenUNIX`.
        """
        raise CannotListenError(None, address, OSError("it is taken"))


class ServiceTests(CommandLineTests):
    """
    The services together.
    """

    def test_service(self) -> None:
        """
        `makeService` returns a service.
        """
        service = makeService(parse())

        self.assertTrue(verifyObject(IService, service))

    def test_plugin(self) -> None:
        """
        Twisted finds the plugin by the name ``sse``.
        """
        makers: list[Any] = list(getPlugins(IServiceMaker))
        (maker,) = (maker for maker in makers if maker.tapname == "sse")

        self.assertEqual(maker.module, "twisted_sse.server.tap")
        self.assertIs(maker.options, Options)

    def test_defaults(self) -> None:
        """
        Without options a hub listens on port 8080 and begins streams as documented.
        """
        running = Running()
        port, _, backlog, _ = running.reactor.tcpServers[0]
        answer = running.get()

        self.assertEqual(len(running.reactor.tcpServers), 1)
        self.assertEqual((port, backlog), (8080, 4096))
        self.assertEqual(answer.events[0].retry, 3000)
        self.assertEqual(running.get("/readyz").status, 200)

    def test_stop(self) -> None:
        """
        The stop ends streams with the last chunk.
        """
        running = Running()
        caller = running.ask("GET", TARGET)
        stopping = running.service.stopService()
        running.reactor.pump([0.1] * 20)

        self.successResultOf(stopping)
        self.assertTrue(caller.answer.ended)

    def test_port_taken(self) -> None:
        """
        If listening fails, the program exits with a sentence that names the option.
        """
        taken = TakenReactor()
        service = make_server(parse("--port", "unix:/nowhere/at/all").config, taken)

        with self.assertRaises(SystemExit) as caught:
            service.privilegedStartService()

        self.assertIn("--port unix:/nowhere/at/all", str(caught.exception))


class HelpTests(SynchronousTestCase):
    """
    ``--help``.
    """

    def test_every_option(self) -> None:
        """
        Every option is listed, with its default if it has one.
        """
        text = str(Options())

        for name in OPTIONS:
            with self.subTest(option=name):
                self.assertIn(f"--{name}", text)
        for default in "8080", "15", "3000", "yes", "100", "1MiB", "60", "8", "10":
            with self.subTest(default=default):
                self.assertIn(f"[{default}]", text)

    def test_nothing_else(self) -> None:
        """
        No other option is listed.
        """
        known = {name.partition(" ")[0] for name in OPTIONS} | {"help", "version"}
        listed = {line.split("--")[1].split("=")[0].split()[0] for line in _option_lines()}

        self.assertEqual(listed - known, set())

    def test_synopsis(self) -> None:
        """
        The synopsis is a command to paste.
        """
        self.assertIn("twistd -n sse --port 8080", str(Options()))


def _option_lines() -> list[str]:
    lines = [line.strip() for line in str(Options()).splitlines()]
    return [line for line in lines if line.startswith("-") and "--" in line]


class VersionTests(SynchronousTestCase):
    """
    ``--version``.
    """

    def test_version(self) -> None:
        """
        The versions of this package and of Twisted are shown.
        """
        written = io.StringIO()
        with contextlib.redirect_stdout(written), self.assertRaises(SystemExit) as caught:
            parse("--version")

        self.assertEqual(caught.exception.code, 0)
        self.assertRegex(written.getvalue(), r"^twisted-sse .+, Twisted \d+\.\d+\.\d+\S*\n$")


class HistoryHelpTests(SynchronousTestCase):
    """
    ``--history help``.
    """

    def told(self, *arguments: str) -> str:
        """
        Run a command line that exits with status 0, and return its output.
        """
        written = io.StringIO()
        with contextlib.redirect_stdout(written), self.assertRaises(SystemExit) as caught:
            parse(*arguments)
        self.assertEqual(caught.exception.code, 0)
        return written.getvalue()

    def test_schemes(self) -> None:
        """
        Every installed history has a line with its usage.
        """
        lines = self.told("--history", "help").splitlines()

        for each in find_factories():
            with self.subTest(scheme=each.scheme):
                (line,) = (line for line in lines if line.split()[0] == each.scheme)
                self.assertIn(each.usage, line)

    def test_immediate(self) -> None:
        """
        Like --help, it is obeyed before the other options are checked.
        """
        expected = self.told("--history", "help")

        self.assertEqual(self.told("--retry", "soon", "--history=help"), expected)


class CheckConfigTests(SynchronousTestCase):
    """
    ``--check-config``.
    """

    def test_good(self) -> None:
        """
        Good options are confirmed, and the exit status is 0.
        """
        written = io.StringIO()
        with contextlib.redirect_stdout(written), self.assertRaises(SystemExit) as caught:
            parse("--check-config", "--port", "8123", "--history", "memory:events=5")

        self.assertEqual(caught.exception.code, 0)
        self.assertEqual(written.getvalue(), "The configuration is good.\n")

    def test_bad(self) -> None:
        """
        Options that a run would refuse are refused.
        """
        for arguments in (["--retry", "soon"], ["--port", "99999"], ["--cors-origin", "x"]):
            with self.subTest(arguments=arguments), self.assertRaises(SystemExit):
                parse("--check-config", *arguments)


class PortTests(CommandLineTests):
    """
    ``--port``, ``--tls-cert``, ``--tls-key``.
    """

    def test_several(self) -> None:
        """
        The server listens on every port given, by both names of the option.
        """
        running = Running("--port", "8123", "-p", "tcp:8124:interface=127.0.0.1")
        ports = [(server[0], server[3]) for server in running.reactor.tcpServers]

        self.assertEqual([port for port, _ in ports], [8123, 8124])
        self.assertEqual(ports[1][1], "127.0.0.1")

    def test_unix(self) -> None:
        """
        An endpoint description of a UNIX socket is accepted.
        """
        running = Running("--port", "unix:/run/sse.socket")

        self.assertEqual(running.reactor.unixServers[0][0], "/run/sse.socket")
        self.assertEqual(running.reactor.tcpServers, [])

    def test_tls(self) -> None:
        """
        On a port number TLS is served with the certificate, and HTTP/2 is offered.
        """
        certificate, key = self.certificate()
        running = Running("--port", "8443", "--tls-cert", certificate, "--tls-key", key)
        factory = running.reactor.tcpServers[0][1]

        self.assertIsInstance(factory, TLSMemoryBIOFactory)
        self.assertIn(b"h2", running.site.acceptableProtocols())
        self.assertIn("https://localhost:8443", running.log)

    def test_unused_certificate(self) -> None:
        """
        A certificate that no port would use is refused, and so is not served as plain HTTP.
        """
        certificate, key = self.certificate()
        for port, advice in (
            ("tcp:8443:interface=127.0.0.1", "write --port tls:tcp:8443:interface=127.0.0.1."),
            ("unix:/run/sse.socket", "write --port tls:unix:/run/sse.socket."),
            ("ssl:8443:privateKey=key.pem", "add --port 8443."),
        ):
            with self.subTest(port=port), self.assertRaises(SystemExit) as caught:
                parse("--check-config", "--port", port, "--tls-cert", certificate, "--tls-key", key)

            self.assertIn("--tls-cert: it applies to ports that are numbers", str(caught.exception))
            self.assertIn(advice, str(caught.exception))

    def test_secured_description(self) -> None:
        """
        With ``tls:`` before it, a description serves TLS with the certificates of the hub, which
        are read again.
        """
        certificate, key = self.certificate()
        running = Running(
            *("--port", "tls:tcp:8443:interface=127.0.0.1"),
            *("--tls-cert", certificate, "--tls-key", key),
        )
        factory = running.reactor.tcpServers[0][1]

        self.assertIsInstance(factory, TLSMemoryBIOFactory)
        self.assertIn("https://localhost:8443", running.log)

    def test_no_certificate(self) -> None:
        """
        Without a certificate such a port is refused.
        """
        with self.assertRaises(SystemExit) as caught:
            parse("--check-config", "--port", "tls:tcp:8443")

        self.assertIn("--port: tls:tcp:8443 needs --tls-cert", str(caught.exception))

    def test_both(self) -> None:
        """
        Beside a number, a description serves what it says, and the log tells that.
        """
        certificate, key = self.certificate()
        running = Running(
            *("--port", "tcp:8080:interface=127.0.0.1", "--port", "8443"),
            *("--tls-cert", certificate, "--tls-key", key),
        )
        plain, secured = (server[1] for server in running.reactor.tcpServers)

        self.assertIsInstance(plain, Site)
        self.assertIsInstance(secured, TLSMemoryBIOFactory)
        self.assertIn("--port tcp:8080:interface=127.0.0.1 serves HTTP without TLS", running.log)
        self.assertIn("curl 'http://localhost:8080/events'", running.log)

    def test_plain(self) -> None:
        """
        Without a certificate no TLS is served.
        """
        self.assertIsInstance(Running().reactor.tcpServers[0][1], Site)


class ObeyedTests(CommandLineTests):
    """
    Good values take effect.
    """

    def test_history(self) -> None:
        """
        The given history keeps the events, within its bound.
        """
        tokens = self.file(b"secret\n")
        running = Running("--history", "memory:events=1", "--publish-token-file", tokens)
        for number in (b"1", b"2"):
            running.post(b"topic=news&data=" + number, "secret")
        caller = running.ask("GET", TARGET, {"Last-Event-ID": "earliest"})
        running.reactor.advance(0)

        self.assertEqual([event.data for event in caller.answer.events[1:]], ["2"])

    def test_keepalive(self) -> None:
        """
        A comment follows the given seconds of silence; with ``off`` none is sent.
        """
        for text, seconds, expected in (
            ("2", 2.1, b":\n\n"),
            ("20", 19.0, b""),
            ("off", 1000.0, b""),
        ):
            with self.subTest(keepalive=text):
                running = Running("--keepalive", text)
                caller = running.ask("GET", TARGET)
                before = len(caller.answer.body)
                running.reactor.pump([0.1] * int(seconds * 10))

                self.assertEqual(caller.answer.body[before:], expected)

    def test_retry(self) -> None:
        """
        Streams begin with the given reconnection time.
        """
        for text in ("0", "250", "2147483647"):
            with self.subTest(retry=text):
                self.assertEqual(Running("--retry", text).get().events[0].retry, int(text))

    def test_retry_spread(self) -> None:
        """
        Streams begin with different times of the given range, which is as wide as the
        shortest time by default.
        """
        for arguments, most in (([], 1000), (["--retry-spread", "64"], 64)):
            with self.subTest(arguments=arguments):
                running = Running("--retry", "1000", *arguments)
                found = {running.get().events[0].retry or 0 for _ in range(64)}

                self.assertEqual(len(found), 64)
                self.assertEqual(min(found), 1000)
                self.assertTrue(1000 + most * 0.9 < max(found) < 1000 + most)

    def test_spread(self) -> None:
        """
        At the stop each stream gets a reconnection time within the given range.
        """
        for arguments, most in (([], 10_000), (["--spread", "2"], 2000), (["--spread", "0"], 0)):
            with self.subTest(arguments=arguments):
                running = Running(*arguments)
                callers = [running.ask("GET", TARGET) for _ in range(50)]
                running.service.stopService()
                running.reactor.pump([0.1] * 20)
                found = [caller.answer.events[-1].retry or 0 for caller in callers]

                self.assertTrue(3000 <= min(found) <= max(found) <= 3000 + most)
                self.assertGreaterEqual(max(found), 3000 + most / 2)

    def test_cors_origin(self) -> None:
        """
        Pages of every given origin may read.
        """
        origins = ["https://a.example", "https://b.example"]
        running = Running("--cors-origin", origins[0], "--cors-origin", origins[1])

        for origin in origins:
            answer = running.get(TARGET, {"Origin": origin})

            self.assertEqual(answer.header("Access-Control-Allow-Origin"), origin)

    def test_cors_any(self) -> None:
        """
        With ``*`` pages of all origins may read; by default those of none.
        """
        headers = {"Origin": "https://a.example"}
        any_origin = Running("--cors-origin", "*").get(TARGET, headers)
        none = Running().get(TARGET, headers)

        self.assertEqual(any_origin.header("Access-Control-Allow-Origin"), "*")
        self.assertIsNone(none.header("Access-Control-Allow-Origin"))

    def test_anonymous(self) -> None:
        """
        Subscribing needs a token only with ``no``.
        """
        self.assertEqual(Running("--anonymous", "yes").get().status, 200)
        self.assertEqual(Running("--anonymous", "no").get().status, 401)

    def test_publish_token_file(self) -> None:
        """
        The tokens in the file may publish; none is generated, and none is logged.
        """
        running = Running("--publish-token-file", self.file(b"first-one\nsecond-one\n"))

        self.assertEqual(running.post(b"topic=a&data=", "first-one").status, 200)
        self.assertEqual(running.post(b"topic=a&data=", "second-one").status, 200)
        self.assertEqual(running.post(b"topic=a&data=", "third-one").status, 401)
        self.assertIn('-H "Authorization: Bearer $(head -n 1 /', running.log)
        self.assertNotIn("first-one", running.log)

    def test_max_connections(self) -> None:
        """
        Subscribers beyond the limit are refused; without the option there is no limit.
        """
        running = Running("--max-connections", "2")
        statuses = [running.get().status for _ in range(3)]
        unlimited = Running()

        self.assertEqual(statuses, [200, 200, 503])
        self.assertEqual([unlimited.get().status for _ in range(5)], [200] * 5)

    def test_max_connections_per_address(self) -> None:
        """
        Subscribers beyond the limit of an address are refused.
        """
        running = Running("--max-connections-per-address", "2")
        statuses = [running.get().status for _ in range(3)]

        self.assertEqual(statuses, [200, 200, 429])

    def test_max_topics(self) -> None:
        """
        A subscription to more topics is refused.
        """
        running = Running("--max-topics", "1")

        self.assertEqual(running.get("/events?topic=a").status, 200)
        self.assertEqual(running.get("/events?topic=a&topic=b").status, 400)

    def test_max_body(self) -> None:
        """
        A body that is one byte larger is refused.
        """
        running = Running("--max-body", "1KiB", "--publish-token-file", self.file(b"secret"))
        prefix = b"topic=news&data="
        full = prefix + b"x" * (1024 - len(prefix))

        self.assertEqual(running.post(full, "secret").status, 200)
        self.assertEqual(running.post(full + b"x", "secret").status, 413)

    def test_request_timeouts(self) -> None:
        """
        A head and a body have to arrive within their time.
        """
        half = b"POST /events HTTP/1.1\r\nHost: a\r\n"
        body = half + b"Content-Length: 9\r\n\r\n"
        for arguments, sent, seconds in (
            ([], half, 10),
            (["--head-timeout", "3"], half, 3),
            (["--head-timeout", "off"], half, None),
            ([], body, 30),
            (["--body-timeout", "3"], body, 3),
            (["--body-timeout", "off"], body, None),
        ):
            with self.subTest(arguments=arguments, sent=sent):
                running = Running(*arguments)
                caller = Caller(running.site)
                caller.send(sent)
                running.reactor.advance((seconds or 59) - 1)
                self.assertTrue(caller.transport.connected)

                running.reactor.advance(1)
                self.assertEqual(caller.transport.connected, seconds is None)

    def test_sockets(self) -> None:
        """
        Sockets have limits too, somewhat above those of streams.
        """
        for option, most in (("--max-connections", 60), ("--max-connections-per-address", 20)):
            with self.subTest(option=option):
                running = Running(option, "10")
                callers = [Caller(running.site) for _ in range(400)]

                self.assertEqual(sum(one.transport.connected for one in callers), most)

    def test_send_timeout(self) -> None:
        """
        A subscriber that takes nothing for this long is disconnected; with ``off`` it never is.
        """
        for arguments, gone in (
            (["--send-timeout", "5"], True),
            ([], True),
            (["--send-timeout", "off"], False),
        ):
            with self.subTest(arguments=arguments):
                running = Running("--publish-token-file", self.file(b"secret"), *arguments)
                caller = running.ask("GET", TARGET)
                caller.stop_reading()
                running.post(b"topic=news&data=x", "secret")
                running.reactor.pump([1] * 4)
                early = caller.transport.connected
                running.reactor.pump([1] * 100)

                self.assertTrue(early)
                self.assertEqual(caller.transport.connected, not gone)

    def test_grace(self) -> None:
        """
        A subscriber that takes nothing is disconnected after the grace, and not before.
        """
        for arguments, seconds in (([], 8), (["--grace", "3"], 3), (["--grace", "0"], 0)):
            with self.subTest(arguments=arguments):
                running = Running(*arguments)
                caller = running.ask("GET", TARGET)
                caller.stop_reading()
                stopping = running.service.stopService()
                running.reactor.pump([0.1] * (seconds * 10 - 1))
                early = caller.transport.connected
                running.reactor.pump([0.1] * 10)

                self.assertTrue(early)
                self.assertFalse(caller.transport.connected)
                self.successResultOf(stopping)

    def test_demo(self) -> None:
        """
        The demo topics are published only with this option.
        """
        for arguments, expected in ((["--demo"], True), ([], False)):
            with self.subTest(arguments=arguments):
                running = Running(*arguments)
                caller = running.ask("GET", "/events?topic=demo/clock")
                running.reactor.pump([0.5] * 5)
                published = [e for e in caller.answer.events if e.event == "clock"]

                self.assertEqual(bool(published), expected)


class RefusedTests(CommandLineTests):
    """
    Bad values are refused in one sentence that names the option.
    """

    CASES = [
        *((f"{first}-key", "short") for first in ROLES["jwt"]),
        *((f"{first}-key-file", "/none") for first in ROLES["jwt"]),
        *((f"{first}-alg", "RS256") for first in ROLES["jwt"]),
        *((f"{first}-file", "/none") for first in ROLES["jwks"]),
        *((f"{first}-url", "/none") for first in ROLES["jwks"]),
        ("jwt-audience", "x"),
        ("jwt-issuer", "x"),
        ("cookie", "x"),
        ("publish-origin", "x"),
        ("token-in-query", "maybe"),
        ("tls-client-ca", "/none"),
        ("tls-client-auth", "maybe"),
        ("tls-client-grant", "maybe"),
        ("port", "99999"),
        ("log-format", "xml"),
        ("log-level", "loud"),
        ("log-level", "=debug"),
        ("access-log", "maybe"),
        ("admin", "tcp:8081"),
        ("admin-token-file", "absent"),
        ("self-test", "often"),
        ("max-lifetime", "0"),
        ("max-lifetime", "long"),
        ("drain-delay", "-1"),
        ("port", "65536"),
        ("port", "-1"),
        ("port", ""),
        ("port", "http"),
        ("port", "tcp"),
        ("port", "tcp:"),
        ("port", "tcp:many"),
        ("port", "tcp:80:color=red"),
        ("port", "unix"),
        ("port", "nonsense:1"),
        ("port", "ssl:443:privateKey=/nowhere.pem"),
        ("history", "disk:/tmp"),
        ("history", "Help"),
        ("history", "sqlite"),
        ("history", "sqlite:/nowhere/at/all/events.db"),
        ("history", "redis://"),
        ("history", "redis:6379"),
        ("history", "memory:events=0"),
        ("history", "memory:age=0"),
        ("keepalive", "0"),
        ("keepalive", "often"),
        ("retry", "-1"),
        ("retry", "3s"),
        # HTML sets no bound, but browsers do: see MAX_RETRY.
        ("retry", "2147483648"),
        ("retry-spread", "-1"),
        ("retry-spread", "1s"),
        ("cors-origin", "example.com"),
        ("cors-origin", "https://example.com/"),
        ("anonymous", "maybe"),
        ("publish-token-file", "/nowhere/at/all"),
        ("protocol", "mercure"),
        ("protocol", "mercure-1.0,"),
        ("subscriptions", "maybe"),
        ("public-url", "example.com"),
        ("public-url", "https://*.example.com"),
        ("tls-cert", "/nowhere/at/all"),
        ("tls-key", "/nowhere/at/all"),
        ("tls-passphrase-file", "/nowhere/at/all"),
        ("max-connections", "0"),
        ("max-connections-per-address", "few"),
        ("max-connections-per-user", "0"),
        ("max-accepts", "0"),
        ("max-accepts-per-address", "x"),
        ("max-publication-topics", "101"),
        ("max-publish-rate", "1/s"),
        ("handshake-timeout", "0"),
        ("trusted-proxy", "proxy.example"),
        ("proxy-header", "X-Real-IP"),
        ("max-streams", "0"),
        ("max-topics", "0"),
        ("max-body", "1TB"),
        ("head-timeout", "0"),
        ("body-timeout", "soon"),
        ("send-timeout", "0"),
        ("presence", "perhaps"),
        ("presence", "-1"),
        ("grace", "-1"),
        ("workers", "none"),
        ("takeover", "/nowhere/at/all"),
        ("spread", "-1"),
        ("farewell", "soon"),
        ("farewell", "pause="),
        ("farewell", "=soon"),
        ("farewell", "pau\nse=soon"),
        ("farewell", "stream-open=soon"),
    ]

    def _refused(self, *arguments: str) -> str:
        with self.assertRaises(SystemExit) as caught:
            parse(*arguments)
        return str(caught.exception).removeprefix("twistd sse: ")

    def test_named(self) -> None:
        """
        The sentence begins with the option and ends with a period.
        """
        for option, value in self.CASES:
            with self.subTest(option=option, value=value):
                sentence = self._refused(f"--{option}", value)

                self.assertTrue(sentence.startswith(f"--{option}: "), sentence)
                self.assertTrue(sentence.endswith("."), sentence)
                self.assertNotIn("\n", sentence)

    def test_every_option(self) -> None:
        """
        This table covers every option that has a value.
        """
        others = {"demo", "config", "check-config", "print-config"}

        self.assertEqual({option for option, _ in self.CASES}, set(OPTIONS) - others)

    def test_star_beside_others(self) -> None:
        """
        ``*`` together with an origin is a contradiction.
        """
        sentence = self._refused("--cors-origin", "*", "--cors-origin", "https://example.com")

        self.assertTrue(sentence.startswith("--cors-origin: "), sentence)

    def test_half_of_tls(self) -> None:
        """
        A certificate needs its key, and a key its certificate.
        """
        certificate, key = self.certificate()

        self.assertIn("--tls-key", self._refused("--tls-cert", certificate))
        self.assertIn("--tls-cert", self._refused("--tls-key", key))

    def test_bad_certificate(self) -> None:
        """
        An invalid certificate is blamed on ``--tls-cert``.
        """
        _, key = self.certificate()
        sentence = self._refused("--tls-cert", self.file(b"hello"), "--tls-key", key)

        self.assertTrue(sentence.startswith("--tls-cert: "), sentence)

    def test_bad_key(self) -> None:
        """
        An invalid key, or one of another certificate, is blamed on ``--tls-key``.
        """
        certificate, _ = self.certificate()
        _, other = self.certificate()
        for key in (self.file(b"hello"), self.mktemp(), other):
            with self.subTest(key=key):
                sentence = self._refused("--tls-cert", certificate, "--tls-key", key)

                self.assertTrue(sentence.startswith("--tls-key: "), sentence)

    def test_unknown(self) -> None:
        """
        Unknown options and stray arguments are refused.
        """
        for arguments in (["--color", "red"], ["8080"], ["--port"], ["--demo=yes"]):
            with self.subTest(arguments=arguments):
                self.assertTrue(self._refused(*arguments))
