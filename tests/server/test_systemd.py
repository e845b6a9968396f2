"""
What systemd is told.
"""

import os
import re
import socket
import tempfile
import time

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.systemd import Notifier

__all__ = ["NotifierTests"]


class NotifierTests(SynchronousTestCase):
    """
    `Notifier`, with a socket as systemd has one.
    """

    def setUp(self) -> None:
        """
        Listen.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "notify")
        self.clock = Clock()
        self.streams = 0

    def listen(self, address: str) -> None:
        """
        Receive what is sent to *address*.
        """
        self.receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.receiver.close)
        self.receiver.setblocking(False)
        self.receiver.bind(address)

    def make(self, **environment: str) -> Notifier:
        """
        Make a notifier, whose socket is at the usual path.
        """
        given = {"NOTIFY_SOCKET": self.path, **environment}
        return Notifier(lambda: self.streams, given, self.clock)

    def received(self) -> list[str]:
        """
        Return what has been sent, without what was returned before.
        """
        states = []
        while True:
            try:
                states.append(self.receiver.recv(4096).decode("utf-8"))
            except BlockingIOError:
                return states

    def test_life(self) -> None:
        """
        It sends that the hub is ready, how many streams are open, and that it stops.
        """
        self.listen(self.path)
        notifier = self.make()
        notifier.startService()
        self.assertEqual(self.received(), [])

        # When the reactor runs.
        self.clock.advance(0)
        self.assertEqual(self.received(), ["READY=1", "STATUS=0 open streams"])

        self.streams = 7
        self.clock.advance(10)
        self.assertEqual(self.received(), ["STATUS=7 open streams"])

        notifier.stopService()
        self.assertEqual(self.received(), ["STOPPING=1"])

    def test_watchdog(self) -> None:
        """
        It sends signs of life every half of the time that systemd waits for one, also
        while the hub stops.
        """
        self.listen(self.path)
        notifier = self.make(WATCHDOG_USEC="6000000", WATCHDOG_PID=str(os.getpid()))
        notifier.startService()
        self.clock.advance(0)
        self.received()
        notifier.stopService()
        self.received()
        self.clock.advance(2.9)
        self.assertEqual(self.received(), [])

        self.clock.advance(0.1)
        self.assertEqual(self.received(), ["WATCHDOG=1\nSTATUS=0 open streams"])

    def test_other_process(self) -> None:
        """
        The watchdog of another process is none of ours.
        """
        self.listen(self.path)
        self.make(WATCHDOG_USEC="6000000", WATCHDOG_PID="1").startService()
        self.clock.advance(0)

        self.assertEqual(self.received(), ["READY=1", "STATUS=0 open streams"])

    def test_reloading(self) -> None:
        """
        A reload is framed by its beginning, with the time, and its end.
        """
        self.listen(self.path)
        notifier = self.make()
        before = time.clock_gettime(time.CLOCK_MONOTONIC)
        with notifier.reloading():
            (state,) = self.received()
        after = time.clock_gettime(time.CLOCK_MONOTONIC)

        found = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", state)
        assert found is not None
        self.assertTrue(before - 0.001 <= int(found[1]) / 1e6 <= after + 0.001)
        self.assertEqual(self.received(), ["READY=1"])

    def test_abstract(self) -> None:
        """
        A name that begins with ``@`` is an abstract socket.
        """
        name = f"twisted-sse-test-{os.getpid()}"
        self.listen(f"\0{name}")
        self.make(NOTIFY_SOCKET=f"@{name}").startService()
        self.clock.advance(0)

        self.assertEqual(self.received()[0], "READY=1")

    def test_without(self) -> None:
        """
        Without systemd nothing is sent, and nothing is scheduled.
        """
        with capturedLogs() as logged:
            notifier = self.make(NOTIFY_SOCKET="")
            notifier.startService()
            notifier.stopService()

        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(logged, [])

    def test_unreachable(self) -> None:
        """
        A socket that is missing is logged once, and the hub runs.
        """
        with capturedLogs() as logged:
            self.make().startService()
            self.clock.pump([10.0] * 3)

        self.assertEqual(len(logged), 1)
