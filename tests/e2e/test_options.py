"""
The command line: refused options and their error sentences.
"""

import os
import re
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.curl import CurlStream, curl, publish
from tests.support.hub_process import TOKEN, HubProcess, run_twistd
from tests.support.ports import free_port
from tests.support.processes import find_program
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = ["AdviceTests", "CheckConfigTests", "ObeyedTests", "RefusedTests", "TokenFileTests"]


class RefusedTests(SynchronousTestCase):
    """
    Invalid options end with exit status 1 and a sentence that names the option.
    """

    # The options, and a regular expression for the sentence.
    CASES = [
        (["--port", "70000"], "--port: .*highest port number"),
        (["--port", "nonsense:1"], "--port: .*nonsense"),
        (["--history", "elsewhere:x"], "--history: .*'elsewhere'"),
        (["--history", "memory:events=0"], "--history: .*'0' is not"),
        (["--history", "memory:color=red"], "--history: .*'color'"),
        (["--keepalive", "often"], "--keepalive: 'often' is not a number of seconds"),
        (["--keepalive", "0"], "--keepalive: 0 seconds"),
        (["--retry", "-1"], "--retry: '-1' is not"),
        (["--anonymous", "maybe"], "--anonymous: 'maybe' is neither yes nor no"),
        (["--publish-token-file", "absent"], "--publish-token-file: absent cannot be read"),
        (["--publish-token-file", os.devnull], "--publish-token-file: /dev/null is empty"),
        (["--max-connections", "0"], "--max-connections: '0' is not"),
        (["--max-connections-per-address", "x"], "--max-connections-per-address: 'x' is not"),
        (["--max-accepts", "0"], "--max-accepts: '0' is not .*write 'none' for no limit"),
        (["--trusted-proxy", "10.0.0.1/8"], "--trusted-proxy: .*did you mean 10.0.0.0/8"),
        (["--port", "haproxy:8080"], "--port: haproxy: needs --trusted-proxy"),
        (["--max-topics", "1.5"], "--max-topics: '1.5' is not"),
        (["--max-body", "much"], "--max-body: 'much' is not a size"),
        (["--send-timeout", "long"], "--send-timeout: 'long' is not a number of seconds"),
        (["--grace", "long"], "--grace: 'long' is not a number of seconds"),
        (["--cors-origin", "example.com"], "--cors-origin: 'example.com' is not an origin"),
        (["--protocol", "mercure-2"], "--protocol: 'mercure-2' is unknown"),
        (["--subscriptions", "maybe"], "--subscriptions: 'maybe' is neither yes nor no"),
        (["--public-url", "example.com"], "--public-url: 'example.com' is not an origin"),
        (["--tls-cert", "c.pem"], "--tls-cert: c.pem cannot be read"),
        (["--tls-passphrase-file", "absent"], "--tls-passphrase-file: absent cannot be read"),
        (["--tls-key", "k.pem"], "--tls-key: .*needs --tls-cert"),
        (["--tls-cert", "c.pem", "--tls-key", "k.pem"], "--tls-cert: c.pem cannot be read"),
        (["--nonsense"], "--nonsense not recognized"),
        (["nonsense"], "'nonsense' is not an option: every value follows its option"),
        (["--port", "localhost:8080"], "--port: .*write tcp:8080:interface=localhost"),
        (["--port", "tcp:1:iface=127.0.0.1"], "--port: .*'iface', did you mean interface"),
        (["--demo", "yes"], "'yes' is not an option: a flag such as --demo stands alone"),
        (["--cors-origin", "https://exämple.com"], "--cors-origin: 'https://exämple.com' is not"),
    ]

    def assert_refused(self, options: list[str], sentence: str) -> None:
        """
        Assert that *options* are refused, and that the last line contains *sentence*.
        """
        with self.subTest(options):
            done = run_twistd(*options)

            output = done.stdout + done.stderr
            self.assertEqual(done.returncode, 1, output)
            self.assertNotIn("Traceback", output)
            self.assertRegex(output.splitlines()[-1], sentence)

    def test_refused(self) -> None:
        """
        The sentence for each invalid option says what is wrong.
        """
        for options, sentence in self.CASES:
            self.assert_refused(options, sentence)

    def test_port_in_use(self) -> None:
        """
        A port that another program uses is refused.
        """
        port = free_port()
        with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True):
            self.assert_refused(["--port", str(port)], f"--port {port}: ")

    def test_mismatched_key(self) -> None:
        """
        The key of another certificate is refused, and so is a file without a certificate.
        """
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            certificate, key = write_certificate(Path(one))
            _, foreign = write_certificate(Path(other))

            self.assert_refused(
                ["--tls-cert", str(certificate), "--tls-key", str(foreign)],
                "--tls-(cert|key): .*key",
            )
            self.assert_refused(
                ["--tls-cert", str(key), "--tls-key", str(key)], "--tls-cert: .*certificate"
            )


class CheckConfigTests(SynchronousTestCase):
    """
    ``--check-config``.
    """

    def test_good(self) -> None:
        """
        A valid configuration is reported as good, and nothing is started.
        """
        done = run_twistd("--check-config", "--port", "8080", "--history", "memory:age=60")

        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "The configuration is good.\n")

    def test_bad(self) -> None:
        """
        An invalid configuration is refused.
        """
        done = run_twistd("--check-config", "--max-topics", "several")

        self.assertEqual(done.returncode, 1)
        self.assertNotIn("is good", done.stdout)

    def test_help(self) -> None:
        """
        --help names every option.
        """
        done = run_twistd("--help")

        self.assertEqual(done.returncode, 0)
        for options, _ in RefusedTests.CASES:
            if options[0].startswith("--") and options[0] != "--nonsense":
                self.assertIn(options[0], done.stdout)


class AdviceTests(SynchronousTestCase):
    """
    A hub without a token option.
    """

    def setUp(self) -> None:
        """
        Start the hub.
        """
        self.hub = HubProcess(token=None)
        self.addCleanup(self.hub.stop)

    def advice(self, word: str) -> str:
        """
        Return the command that the log shows after *word*.
        """
        found = re.search(rf"{word}: +(curl .+)", self.hub.log)
        assert found is not None, self.hub.log
        return found[1]

    def test_pasted(self) -> None:
        """
        The commands in the log can be pasted into a shell: one publishes what the other reads.
        """
        find_program("curl", "curl")
        subscribe = self.advice("Subscribe")
        with subprocess.Popen(
            ["bash", "-c", f"exec timeout {PATIENCE} {subscribe}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as reader:
            assert reader.stdout is not None
            while not reader.stdout.readline().startswith(b'data: {"resumed":false'):
                self.assertIsNone(reader.poll(), "the stream has ended")

            done = subprocess.run(
                ["bash", "-c", self.advice("Publish")], capture_output=True, timeout=PATIENCE
            )
            lines = [reader.stdout.readline() for _ in range(3)]
            reader.terminate()

        self.assertEqual(done.returncode, 0)
        self.assertEqual(lines, [b"\n", b"id: %b\n" % done.stdout, b"data: hello\n"])

    def test_secret(self) -> None:
        """
        The generated token is different at each start.
        """
        first = self.advice("Publish")
        self.hub.stop()

        other = HubProcess(token=None)
        self.addCleanup(other.stop)

        self.hub = other
        self.assertNotEqual(first.split()[5], self.advice("Publish").split()[5])


class TokenFileTests(SynchronousTestCase):
    """
    A hub with a file of tokens, and without TLS.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        self.tokens = Path(self.mktemp() + " it's").absolute()
        self.tokens.write_bytes(b"\xef\xbb\xbffirst\r\nsecond\r\n")
        self.hub = HubProcess("--publish-token-file", str(self.tokens), "--demo", token=None)
        self.addCleanup(self.hub.stop)

    def status(self, token: str) -> int:
        """
        What a publication is answered.
        """
        header = f"Authorization: Bearer {token}"
        return curl(
            "-H", header, "-d", "topic=news", "-d", "data=", f"{self.hub.url}/events"
        ).status

    def test_pasted(self) -> None:
        """
        The command in the log publishes with the token in the file.
        """
        found = re.search(r"Publish: +(curl .+)", self.hub.log)
        assert found is not None, self.hub.log
        done = subprocess.run(
            ["sh", "-c", f"{found[1]} -w ' %{{http_code}}'"], capture_output=True, timeout=PATIENCE
        )

        self.assertTrue(done.stdout.endswith(b" 200"), done.stdout)
        self.assertNotIn("first", self.hub.log)

    def test_page(self) -> None:
        """
        The log names the page of the demo.
        """
        found = re.search(r"Demo page: (\S+)", self.hub.log)
        assert found is not None, self.hub.log

        self.assertIn("EventSource", curl(found[1]).body)

    def test_sighup(self) -> None:
        """
        SIGHUP does not end the hub: tokens are read again, and open streams live.
        """
        stream = RawStream(self.hub.port, "/events?topic=news")
        self.addCleanup(stream.close)
        before = self.status("second"), self.status("third")

        self.tokens.write_bytes(b"first\nthird\n")
        self.hub.send_signal(signal.SIGHUP)
        # For cleaning up: the hub has received a signal, but was not told to stop.
        self.addCleanup(self.hub.send_signal, signal.SIGTERM)
        eventually(lambda: "1 new, 1 removed" in self.hub.log, "nothing was read again")

        self.assertEqual(before, (200, 401))
        self.assertEqual((self.status("second"), self.status("third")), (401, 200))
        self.assertEqual(stream.data(2), ["", ""])


class ObeyedTests(SynchronousTestCase):
    """
    Options that change what subscribers receive, and have no test module of their own.
    """

    hub: HubProcess

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share one hub.
        """
        cls.hub = HubProcess("--cors-origin", "https://a.example", "--history", "memory:events=2")
        cls.addClassCleanup(cls.hub.stop)

    def test_allowed(self) -> None:
        """
        A page of an allowed origin may read the stream, and the position in its headers.
        """
        stream = RawStream(self.hub.port, "/events?topic=a", "Origin: https://a.example")
        self.addCleanup(stream.close)

        self.assertEqual(stream.headers["access-control-allow-origin"], "https://a.example")
        self.assertIn("Last-Event-ID", stream.headers["access-control-expose-headers"])

    def test_others(self) -> None:
        """
        A page of another origin may not.
        """
        stream = RawStream(self.hub.port, "/events?topic=a", "Origin: https://b.example")
        self.addCleanup(stream.close)

        self.assertNotIn("access-control-allow-origin", stream.headers)

    def test_preflight(self) -> None:
        """
        The answer to a preflight lists the allowed headers and methods.
        """
        answer = curl(
            *("--request", "OPTIONS", "--header", "Origin: https://a.example"),
            *("--header", "Access-Control-Request-Method: POST"),
            f"{self.hub.url}/events",
        )

        self.assertEqual(answer.status, 204)
        self.assertIn("Authorization", answer.headers["access-control-allow-headers"])
        self.assertIn("POST", answer.headers["access-control-allow-methods"])

    def test_history(self) -> None:
        """
        History forgets the oldest events above its limit.
        """
        publish(self.hub.url, TOKEN, "kept", "1", "2", "3", "4")

        stream = RawStream(self.hub.port, "/events?topic=kept&last_event_id=earliest")
        self.addCleanup(stream.close)

        self.assertEqual(stream.data(2), ["3", "4"])

    def test_page(self) -> None:
        """
        Without --demo the root is a page that explains how to use the hub.
        """
        answer = curl(f"{self.hub.url}/")

        self.assertEqual(answer.status, 200)
        self.assertIn("curl -N", answer.body)

    def test_unix_socket(self) -> None:
        """
        A hub also listens on the endpoint of a description, and on several ports.
        """
        with tempfile.TemporaryDirectory() as directory:
            path = f"{directory}/hub"
            hub = HubProcess("--port", f"unix:{path}")
            stream = CurlStream("--unix-socket", path, "http://localhost/events?topic=a")
            self.addCleanup(stream.close)

            stream.wait_for("stream-open")
            answer = curl(f"{hub.url}/healthz")
            hub.stop()

        self.assertEqual(answer.status, 200)
