"""
SIGINT and SIGTERM: every stream ends properly.
"""

import signal
import socket
import tempfile
import time
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.curl import CurlStream, curl, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = ["DelayTests", "LifetimeTests", "NotifyTests", "StoppingTests", "UnreadTests"]


class StoppingTests(SynchronousTestCase):
    """
    A hub whose subscribers read.
    """

    def start(self, *options: str) -> HubProcess:
        """
        Start a hub.
        """
        hub = HubProcess(*options)
        self.addCleanup(hub.stop)
        return hub

    def assert_stops(self, number: int) -> None:
        """
        Assert that the signal *number* ends the streams of curl and of a raw client properly.
        """
        hub = self.start("--retry", "100")
        stream = RawStream(hub.port, "/events?topic=news")
        self.addCleanup(stream.close)
        follower = CurlStream(f"{hub.url}/events?topic=news")
        self.addCleanup(follower.close)
        follower.wait_for("stream-open")
        stream.named("stream-open")

        status = hub.signal(number)
        last = stream.rest()

        hub.check_log()
        self.assertEqual(status, 0)
        self.assertTrue(stream.complete)
        self.assertEqual(len(last), 1)
        self.assertGreaterEqual(last[0].retry or 0, 100)
        self.assertEqual(follower.wait(), 0)

    def test_sigterm(self) -> None:
        """
        On SIGTERM each stream ends with a reconnection time and its last chunk; exit status 0.
        """
        self.assert_stops(signal.SIGTERM)

    def test_sigint(self) -> None:
        """
        SIGINT has the same effect.
        """
        self.assert_stops(signal.SIGINT)

    def test_nobody(self) -> None:
        """
        A hub without subscribers stops too, even with --demo.
        """
        hub = self.start("--demo")

        status = hub.signal(signal.SIGTERM)

        hub.check_log()
        self.assertEqual(status, 0)

    def assert_all_arrive(self, messages: list[str], receive_buffer: int | None = None) -> None:
        """
        Assert that *messages*, published right before the signal, arrive before the end.
        """
        hub = self.start()
        stream = RawStream(hub.port, "/events?topic=news", receive_buffer=receive_buffer)
        self.addCleanup(stream.close)

        publish(hub.url, TOKEN, "news", *messages)
        hub.send_signal(signal.SIGTERM)
        received = [event.data for event in stream.rest() if event.event is None and event.data]

        self.assertEqual(len(received), len(messages))
        self.assertEqual(received, messages)
        self.assertTrue(stream.complete)

    def test_published_before(self) -> None:
        """
        Events published before the signal are sent before the streams end.
        """
        self.assert_all_arrive([f"number {number}" for number in range(50)])

    def test_behind(self) -> None:
        """
        A slow reader that goes on reading receives them too: the grace is for this.
        """
        self.assert_all_arrive([f"{number} {'x' * 90_000}" for number in range(10)], 4096)

    def test_tls(self) -> None:
        """
        Streams over TLS end properly too, over HTTP/1.1 and HTTP/2.
        """
        # The hub looks at the files again while it runs.
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        certificate, key = map(str, write_certificate(Path(directory.name)))
        hub = self.start("--tls-cert", certificate, "--tls-key", key)
        versions = ["--http1.1", "--http2"]
        streams = [CurlStream("-k", each, f"{hub.url}/events?topic=a") for each in versions]
        for stream in streams:
            self.addCleanup(stream.close)
            stream.wait_for("stream-open")

        hub.signal(signal.SIGTERM)

        hub.check_log()
        self.assertEqual([stream.wait() for stream in streams], [0, 0])

    def test_newcomers(self) -> None:
        """
        A hub that waits for a slow reader refuses new connections, and still sends that
        reader everything.
        """
        hub = self.start("--grace", "15")
        reader = fall_behind(hub)
        self.addCleanup(reader.close)

        hub.send_signal(signal.SIGTERM)
        eventually(lambda: not listens(hub), "the hub still accepts connections")
        reader.rest()

        # The reader read on, so its connection was not aborted.
        self.assertTrue(reader.complete)

    def test_twice(self) -> None:
        """
        Pressing Ctrl-C again while the hub waits causes no traceback.
        """
        hub = self.start("--grace", "2")
        reader = fall_behind(hub)
        self.addCleanup(reader.close)

        hub.send_signal(signal.SIGINT)
        eventually(lambda: "shutting down" in hub.log, "the hub does not stop")
        status = hub.signal(signal.SIGINT)

        hub.check_log()
        self.assertEqual(status, 0)


class DelayTests(SynchronousTestCase):
    """
    ``--drain-delay``.
    """

    def test_delay(self) -> None:
        """
        The hub is not ready at once, serves newcomers meanwhile, and then stops.
        """
        hub = HubProcess("--drain-delay", "2")
        self.addCleanup(hub.stop)
        stream = RawStream(hub.port, "/events?topic=news")
        self.addCleanup(stream.close)
        stream.named("stream-open")
        hub.send_signal(signal.SIGTERM)
        eventually(lambda: curl(f"{hub.url}/readyz").status == 503, "the hub is still ready")

        self.assertEqual(curl(f"{hub.url}/healthz").status, 200)
        newcomer = RawStream(hub.port, "/events?topic=news")
        self.addCleanup(newcomer.close)
        newcomer.named("stream-open")
        publish(hub.url, TOKEN, "news", "still here")
        received = [event.data for event in stream.rest() if event.event is None and event.data]

        self.assertEqual(received, ["still here"])
        self.assertTrue(stream.complete)
        self.assertEqual(len([event for event in newcomer.rest() if event.data]), 1)

    def test_impatient(self) -> None:
        """
        A second signal ends the delay.
        """
        hub = HubProcess("--drain-delay", "600")
        self.addCleanup(hub.stop)
        hub.send_signal(signal.SIGTERM)
        eventually(lambda: curl(f"{hub.url}/readyz").status == 503, "the hub is still ready")

        self.assertEqual(hub.signal(signal.SIGTERM), 0)


class LifetimeTests(SynchronousTestCase):
    """
    ``--max-lifetime``.
    """

    def test_resumed(self) -> None:
        """
        A client that follows over many ends receives every event exactly once.
        """
        hub = HubProcess("--max-lifetime", "0.4", "--retry", "1", "--retry-spread", "1")
        self.addCleanup(hub.stop)
        wanted = [str(number) for number in range(100)]
        received: list[str] = []
        opened, last = 0, ""
        sent = 0
        while len(received) < len(wanted):
            headers = [f"Last-Event-ID: {last}"] if last else []
            stream = RawStream(hub.port, "/events?topic=news", *headers)
            opened += 1
            for number in wanted[sent : sent + 10]:
                publish(hub.url, TOKEN, "news", number)
            sent += 10
            for event in stream.rest():
                last = event.id or last
                if event.event is None and event.data:
                    received.append(event.data)
            self.assertTrue(stream.complete)
            stream.close()

        self.assertEqual(received, wanted)
        self.assertGreater(opened, 3)


class NotifyTests(SynchronousTestCase):
    """
    A hub that systemd runs as ``Type=notify-reload``.
    """

    def test_states(self) -> None:
        """
        systemd is told that the hub is ready, that it reloads, and that it stops.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = str(Path(directory.name, "notify"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.settimeout(PATIENCE)
            receiver.bind(path)

            def state(name: str) -> str:
                while name not in (received := receiver.recv(4096).decode("utf-8")):
                    pass
                return received

            hub = HubProcess(environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
            self.addCleanup(hub.stop)
            self.assertEqual(state("READY"), "READY=1")
            self.assertEqual(state("WATCHDOG"), "WATCHDOG=1\nSTATUS=0 open streams")

            hub.send_signal(signal.SIGHUP)
            self.assertRegex(state("RELOADING"), r"RELOADING=1\nMONOTONIC_USEC=\d+")
            self.assertEqual(state("READY"), "READY=1")

            # It sends the state twice, so nobody may leave before it has exited.
            hub.signal(signal.SIGTERM)
            self.assertEqual(state("STOPPING"), "STOPPING=1")


@pytest.mark.alone
class UnreadTests(SynchronousTestCase):
    """
    A hub with a subscriber that does not read.
    """

    def assert_cut(self, *options: str, tls: bool = False) -> None:
        """
        Assert that the hub stops soon after a grace of one second.
        """
        hub = HubProcess("--grace", "1", *options)
        self.addCleanup(hub.stop)
        reader = fall_behind(hub, tls=tls)
        self.addCleanup(reader.close)
        begun = time.monotonic()

        status = hub.signal(signal.SIGTERM)

        seconds = time.monotonic() - begun
        hub.check_log()
        self.assertEqual(status, 0)
        self.assertGreater(seconds, 0.9)
        self.assertLess(seconds, 6.0)

    def test_plain(self) -> None:
        """
        The connection is aborted after the grace, and the hub exits with status 0.
        """
        self.assert_cut()

    def test_tls(self) -> None:
        """
        The same over TLS.
        """
        with tempfile.TemporaryDirectory() as directory:
            certificate, key = map(str, write_certificate(Path(directory)))
            self.assert_cut("--tls-cert", certificate, "--tls-key", key, tls=True)


def fall_behind(hub: HubProcess, *, tls: bool = False) -> RawStream:
    """
    Subscribe, stop reading, and publish more than can be sent.
    """
    reader = RawStream(hub.port, "/events?topic=flood", tls=tls, receive_buffer=4096)
    reader.named("stream-open")
    for _ in range(8):
        publish(hub.url, TOKEN, "flood", "x" * 1_000_000)
    return reader


def listens(hub: HubProcess) -> bool:
    """
    Return whether *hub* accepts connections.
    """
    try:
        return curl("--max-time", "1", f"{hub.url}/readyz").status == 200
    except Exception:
        return False
