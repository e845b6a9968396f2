"""
The first lines of the log.
"""

import subprocess
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from tests.server.commandline import CommandLineTests, Running
from twisted_sse.server.banner import Served, bearer_from_file

__all__ = ["ServedTests", "StartupBannerTests", "TokenCommandTests"]


class StartupBannerTests(CommandLineTests):
    """
    `StartupBanner`.
    """

    def test_commands(self) -> None:
        """
        The log shows commands to paste, with the token that was generated for this run.
        """
        running = Running("--port", "8123")
        token = running.log.partition("Bearer ")[2].partition("'")[0]

        self.assertIn("curl -N 'http://localhost:8123/events?topic=news'", running.log)
        self.assertEqual(running.post(b"topic=news&data=x", token).status, 200)
        self.assertEqual(running.post(b"topic=news&data=x", token + "x").status, 401)

    def test_new_token_each_time(self) -> None:
        """
        Every run generates a different token.
        """
        tokens = {Running().log.partition("Bearer ")[2].partition("'")[0] for _ in range(3)}

        self.assertEqual(len(tokens), 3)
        self.assertTrue(all(len(token) >= 32 for token in tokens))

    def test_anonymous(self) -> None:
        """
        If subscribing needs a token, the command that subscribes sends it.
        """
        lines = Running("--anonymous", "no").log.splitlines()
        (line,) = (line for line in lines if line.startswith("Subscribe"))

        self.assertRegex(line, "^Subscribe: curl -N '.*' -H 'Authorization: Bearer .*'$")

    def test_demo(self) -> None:
        """
        The page of the demo is named, on the first port that a browser can open.
        """
        demo = Running("--demo", "--port", "unix:/run/sse", "--port", "8123")

        self.assertIn("Demo page: http://localhost:8123/", demo.log)
        self.assertNotIn("Demo page", Running().log)

    def test_endpoint_with_tls(self) -> None:
        """
        A description that speaks TLS by itself is advised with https.
        """
        certificate, key = self.certificate()
        running = Running("--port", f"ssl:8443:certKey={certificate}:privateKey={key}")

        self.assertIn("curl -N -k 'https://localhost:8443/events?topic=news'", running.log)


class Listening:
    """
    A part of `EndpointService`.
    """

    def __init__(self, address: Any, description: str = "tcp:80") -> None:
        self.address = address
        self.description = description


class ServedTests(SynchronousTestCase):
    """
    `Served`.
    """

    CASES = [
        (IPv4Address("TCP", "0.0.0.0", 80), False, "curl 'http://localhost:80"),
        (IPv6Address("TCP", "::", 80), True, "curl -k 'https://localhost:80"),
        (IPv4Address("TCP", "192.0.2.1", 80), False, "curl 'http://192.0.2.1:80"),
        (IPv6Address("TCP", "2001:db8::1", 80), False, "curl 'http://[2001:db8::1]:80"),
        (IPv6Address("TCP", "fe80::1%eth0", 80), False, "curl 'http://[fe80::1%25eth0]:80"),
        (UNIXAddress("/run/s se"), False, "curl --unix-socket '/run/s se' 'http://localhost"),
        (UNIXAddress("\0sse"), False, "curl --abstract-unix-socket sse 'http://localhost"),
        (object(), False, "curl --unix-socket PATH 'http://localhost"),
    ]

    def test_curl(self) -> None:
        """
        The command connects to the address that the endpoint listens on.
        """
        for address, secure, command in self.CASES:
            with self.subTest(command=command):
                listening: Any = Listening(address)

                self.assertEqual(Served(listening, secure).curl(), command)

    def test_proxy_protocol(self) -> None:
        """
        curl speaks the PROXY protocol to an endpoint that expects it.
        """
        listening: Any = Listening(IPv4Address("TCP", "127.0.0.1", 80), "haproxy:tcp:80")

        command = Served(listening, False).curl()

        self.assertEqual(command, "curl --haproxy-protocol 'http://127.0.0.1:80")


class TokenCommandTests(SynchronousTestCase):
    """
    `bearer_from_file`.
    """

    def test_pipe(self) -> None:
        """
        What can be read only once is not part of the command.
        """
        self.assertEqual(bearer_from_file("/dev/null", "x"), "-H 'Authorization: Bearer TOKEN'")

    CASES = [b"secret", b"secret\nother\n", b"\n \n\t secret \r\n", b"\xef\xbb\xbfsecret\r\nother"]

    def test_pasted(self) -> None:
        """
        A shell in any directory finds the first token of the file.
        """
        path = Path(self.mktemp() + " it's")
        for content in self.CASES:
            with self.subTest(content=content):
                path.write_bytes(content)
                option = bearer_from_file(str(path), "secret")
                printed = subprocess.check_output(["sh", "-c", f"printf %s {option}"], cwd="/")

                self.assertEqual(printed, b"-HAuthorization: Bearer secret")
