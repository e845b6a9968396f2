"""
``--admin``: where it listens, and who may use it.
"""

from pathlib import Path
from typing import Any

from twisted.web.server import Site

from tests.server.commandline import CommandLineTests, Running, parse
from tests.server.test_tap import TakenReactor
from tests.support.http import call
from tests.web.admin.served import LOCAL
from twisted_sse.server.build import make_server

__all__ = ["ListeningTests", "RefusedOptionTests", "ServingTests", "TokenFileTests"]


class RefusedOptionTests(CommandLineTests):
    """
    Options that cannot be obeyed.
    """

    def assert_refused(self, arguments: list[str], sentence: str) -> None:
        """
        Assert that a command line is refused.
        """
        with self.assertRaises(SystemExit) as caught:
            parse(*arguments)

        self.assertRegex(str(caught.exception), sentence)

    def test_not_of_this_machine(self) -> None:
        """
        What other machines may reach needs tokens.
        """
        for endpoint in (
            *("tcp:9090", "tcp:9090:interface=0.0.0.0", "tcp:9090:interface=192.0.2.1"),
            *("tcp6:9090:interface=\\:\\:", "tcp:9090:interface=localhost", "systemd:index=0"),
            *("tcp6:9090", "ssl:9090", "onion:9090"),
        ):
            self.assert_refused(
                ["--admin", endpoint], "--admin: .*may be reached from other machines: add --admin-"
            )

    def test_no_endpoint(self) -> None:
        """
        What is no endpoint is refused.
        """
        self.assert_refused(
            ["--admin", "tcp:x:interface=127.0.0.1"], "--admin: 'tcp:x:.*' is not an endpoint"
        )
        self.assert_refused(["--admin", "70000"], "--admin: the highest port number is 65535")

    def test_tokens_alone(self) -> None:
        """
        Tokens for nothing are refused, and so is a file without any.
        """
        path = self.mktemp()
        Path(path).write_text("secret\n")

        self.assert_refused(
            ["--admin-token-file", path], "--admin-token-file: it is for --admin: add --admin 9090"
        )
        self.assert_refused(
            ["--admin", "9090", "--admin-token-file", "absent"],
            "--admin-token-file: absent cannot be read",
        )


class ListeningTests(CommandLineTests):
    """
    Where it listens.
    """

    def test_number(self) -> None:
        """
        A number is a port of this machine only, and the log has its address.
        """
        running = Running("--admin", "9090")

        _, (port, _, _, interface) = running.reactor.tcpServers
        self.assertEqual((port, interface), (9090, "127.0.0.1"))
        self.assertIn("Admin: http://", running.log)

    def test_descriptions(self) -> None:
        """
        So do descriptions of loopback addresses.
        """
        for interface in ("127.0.0.1", "127.0.0.2", r"\:\:1"):
            running = Running("--admin", f"tcp:9090:interface={interface}")

            self.assertEqual(len(running.reactor.tcpServers), 2, interface)

    def test_unix(self) -> None:
        """
        Only this user can connect to a socket, unless a mode is given.
        """
        for given, mode in (("", 0o600), (":mode=660", 0o660), (":640", 0o640)):
            running = Running("--admin", f"unix:/run/admin.sock{given}")

            ((path, _, _, made),) = [one[:4] for one in running.reactor.unixServers]
            self.assertEqual((path, made), ("/run/admin.sock", mode))
            self.assertIn("curl --unix-socket", running.log)

    def test_taken(self) -> None:
        """
        A place that another program has is told with the option's name.
        """
        service = make_server(parse("--admin", "unix:/nowhere/at/all").config, TakenReactor())

        with self.assertRaises(SystemExit) as caught:
            service.privilegedStartService()

        self.assertIn("--admin unix:/nowhere/at/all", str(caught.exception))

    def test_absent(self) -> None:
        """
        Without the option, nothing listens, and nothing is at the ports of the hub.
        """
        running = Running()

        self.assertEqual(len(running.reactor.tcpServers), 1)
        for path in ("/metrics", "/connections", "/status", "/topics", "/dashboard", "/stats"):
            self.assertEqual(running.get(path).status, 404, path)


class _AdminTestCase(CommandLineTests):
    def start(self, *arguments: str) -> tuple[Running, Site]:
        """
        Start a hub, and return the site of its admin endpoint as well.
        """
        running = Running(*arguments)
        site: Any = running.reactor.tcpServers[1][1]
        return running, site


class ServingTests(_AdminTestCase):
    """
    What it serves.
    """

    def test_connections(self) -> None:
        """
        The connections of the hub, also after they have ended.
        """
        running, site = self.start("--admin", "9090")
        stream = running.ask("GET", "/events?topic=news")
        before = call(site, "GET", "/connections", LOCAL).answer.json
        stream.leave()
        after = call(site, "GET", "/connections", LOCAL).answer.json

        self.assertEqual((before["total"], after["total"]), (1, 0))
        self.assertEqual(before["connections"][0]["topics"], ["news"])

    def test_host(self) -> None:
        """
        A page of another name cannot use it.
        """
        _, site = self.start("--admin", "9090")

        self.assertEqual(call(site, "GET", "/status").answer.status, 421)


class TokenFileTests(_AdminTestCase):
    """
    ``--admin-token-file``.
    """

    def setUp(self) -> None:
        """
        A file with a token, and a hub.
        """
        super().setUp()
        self.path = Path(self.mktemp())
        self.path.write_text("secret\n")
        arguments = ("--admin", "tcp:9090", "--admin-token-file", str(self.path))
        self.running, self.site = self.start(*arguments)

    def status(self, token: str) -> int:
        """
        Return the answer to a request with *token*.
        """
        headers = {"Authorization": f"Bearer {token}"}
        return call(self.site, "GET", "/status", headers).answer.status

    def test_needed(self) -> None:
        """
        A request needs one of the tokens.
        """
        self.assertEqual((self.status("secret"), self.status("other")), (200, 401))
        self.assertEqual(call(self.site, "GET", "/metrics").answer.status, 401)

    def test_read_again(self) -> None:
        """
        The file is read again when it has changed.
        """
        self.path.write_text("another\n")
        self.running.reactor.advance(2)

        self.assertEqual((self.status("secret"), self.status("another")), (401, 200))

    def test_nowhere_else(self) -> None:
        """
        The tokens are for nothing else.
        """
        headers = {"Authorization": "Bearer secret", "Content-Type": "text/plain"}
        answer = self.running.ask("POST", "/events", headers, b"x").answer

        self.assertEqual(answer.status, 401)
