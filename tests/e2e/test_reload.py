"""
SIGHUP to a hub with a configuration file: a real file, rewritten, and real streams.
"""

import signal
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import names_on, trust_everything, write_certificate
from tests.support.curl import CurlStream, curl, publish
from tests.support.hub_process import HubProcess
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = ["ReloadTests", "SecuredTests"]


class ReloadTestCase(SynchronousTestCase):
    """
    The base of tests that rewrite a file.
    """

    tls = False

    def setUp(self) -> None:
        """
        Make a directory.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = Path(directory.name)
        self.path = self.home / "hub.toml"
        self.tokens = self.home / "tokens"
        self.tokens.write_text("first\nsecond\n", "utf-8")
        self.reloads = 0

    def write(self, *lines: str) -> None:
        """
        Write the file, with the tokens in it.
        """
        given = "\n".join([f'publish-token-file = "{self.tokens}"', *lines, ""])
        self.path.write_text(given, "utf-8")

    def start(self, *lines: str, options: tuple[str, ...] = ()) -> HubProcess:
        """
        Start a hub with the file.
        """
        self.write(*lines)
        hub = HubProcess("--config", str(self.path), *options, token=None, tls=self.tls)
        self.addCleanup(hub.stop)
        # stop() sends no SIGTERM after another signal.
        self.addCleanup(hub.send_signal, signal.SIGTERM)
        return hub

    def reload(self, hub: HubProcess, *lines: str) -> str:
        """
        Rewrite the file, let the hub read it, and return what it logs meanwhile.
        """
        before = len(hub.log)
        self.write(*lines)
        hub.send_signal(signal.SIGHUP)
        eventually(lambda: "Tokens that may publish" in hub.log[before:], "nothing was read")
        return hub.log[before:]

    def stream(self, hub: HubProcess, *headers: str, target: str = "/events?topic=a") -> RawStream:
        """
        Open a stream.
        """
        stream = RawStream(hub.port, target, *headers)
        self.addCleanup(stream.close)
        return stream

    def assert_stops(self, hub: HubProcess) -> None:
        """
        Assert that the hub ends in good order, without a traceback.
        """
        self.assertEqual(hub.signal(signal.SIGTERM), 0)
        self.assertNotIn("Traceback", hub.log)


class ReloadTests(ReloadTestCase):
    """
    A hub without TLS.
    """

    def test_limits(self) -> None:
        """
        Limits, origins and log levels change; open streams stay and miss nothing.
        """
        hub = self.start("max-topics = 1", "max-connections-per-address = 2")
        streams = [self.stream(hub), self.stream(hub)]
        refused = self.stream(hub)

        log = self.reload(
            hub,
            "max-topics = 2",
            "max-connections-per-address = 3",
            'cors-origin = "https://a.example"',
            "access-log = true",
            'log-format = "json"',
        )
        publish(hub.url, "first", "a", "one")
        newcomer = self.stream(hub, "Origin: https://a.example", target="/events?topic=a&topic=b")
        publish(hub.url, "first", "a", "two")

        self.assertIn("429", refused.status)
        self.assertIn("max-connections-per-address is 3, and was 2", log)
        self.assertEqual([one.data(2) for one in streams], [["one", "two"]] * 2)
        self.assertIn("200", newcomer.status)
        self.assertEqual(newcomer.headers["access-control-allow-origin"], "https://a.example")
        eventually(lambda: '"status": 200' in hub.log, "no access log in JSON")
        self.assert_stops(hub)

    def test_tokens(self) -> None:
        """
        Another file of tokens counts; only streams of tokens that it lacks end.
        """
        hub = self.start()
        kept, gone = (self.stream(hub, f"Authorization: Bearer {x}") for x in ("second", "first"))
        other = self.home / "others"
        other.write_text("second\nthird\n", "utf-8")
        self.tokens = other
        self.reload(hub)
        gone.rest()
        publish(hub.url, "third", "a", "one")

        self.assertTrue(gone.complete)
        self.assertEqual(kept.data(1), ["one"])
        self.assert_stops(hub)

    def test_bad(self) -> None:
        """
        A bad file is refused as a whole, in one line with its file and line.
        """
        hub = self.start("max-topics = 1")
        stream = self.stream(hub)
        log = self.reload(hub, "max-topics = 2", "", "grace = 'soon'")
        warnings = [line for line in log.splitlines() if "#warn" in line]

        self.assertEqual(len(warnings), 1)
        self.assertIn(f"stays, because {self.path}, line 4: grace: 'soon' is not", warnings[0])
        self.assertEqual(curl(f"{hub.url}/events?topic=a&topic=b").status, 400)
        publish(hub.url, "first", "a", "one")
        self.assertEqual(stream.data(1), ["one"])
        self.assert_stops(hub)

    def test_restart_needed(self) -> None:
        """
        What needs a restart is said in one line, and the rest applies; the command line
        counts as before.
        """
        hub = self.start("max-topics = 1", options=("--grace", "2"))
        log = self.reload(hub, "max-topics = 2", "port = 1", "keepalive = 5", "grace = 3")

        (warning,) = (line for line in log.splitlines() if "#warn" in line)
        self.assertTrue(warning.endswith("a restart of the hub is needed for keepalive"), warning)
        self.assertNotIn("grace", log)
        self.assertIn("max-topics is 2, and was 1", log)
        self.assert_stops(hub)

    def test_grace(self) -> None:
        """
        The hub stops as the file says now: after another delay.
        """
        hub = self.start("drain-delay = 600")
        self.reload(hub, "drain-delay = 0.5")
        stream = self.stream(hub)
        status = hub.signal(signal.SIGTERM)
        stream.rest()

        self.assertEqual(status, 0)
        self.assertTrue(stream.complete)
        self.assertIn("shutting down in 0.5 seconds", hub.log)


class SecuredTests(ReloadTestCase):
    """
    A hub with TLS.
    """

    tls = True

    def certificate(self, name: str) -> list[str]:
        """
        Make a certificate, and return the lines that name it.
        """
        directory = self.home / name
        directory.mkdir()
        certificate, key = write_certificate(directory, name)
        return [f'tls-cert = "{certificate}"', f'tls-key = "{key}"']

    def test_certificates(self) -> None:
        """
        Another certificate is served to new clients; HTTP/2 streams of the old one stay.
        """
        hub = self.start(*self.certificate("one.example"))
        follower = CurlStream("-k", "--http2", f"{hub.url}/events?topic=a")
        self.addCleanup(follower.close)
        follower.wait_for("stream-open")
        before = names_shown(hub)
        log = self.reload(hub, *self.certificate("two.example"))
        publish(hub.url, "first", "a", "still here")

        self.assertEqual((before, names_shown(hub)), ({"one.example"}, {"two.example"}))
        self.assertIn("New certificate for two.example", log)
        follower.wait_for("data: still here")
        self.assert_stops(hub)
        self.assertEqual(follower.wait(), 0)

    def test_off(self) -> None:
        """
        TLS cannot be turned off, so the whole configuration is refused.
        """
        hub = self.start(*self.certificate("one.example"))
        log = self.reload(hub, "max-topics = 1")

        self.assertIn("whether ports have TLS is decided when the hub starts", log)
        self.assertEqual(names_shown(hub), {"one.example"})
        self.assert_stops(hub)


def names_shown(hub: HubProcess) -> set[str]:
    """
    The names on the certificate that new clients of *hub* get.
    """
    context = trust_everything()
    with (
        socket.create_connection(("127.0.0.1", hub.port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        return set(names_on(secured.getpeercert(binary_form=True)))
