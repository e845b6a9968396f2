"""
What the kernel is told about sockets, asked of the kernel.
"""

import socket

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.sockets import limit_sending

__all__ = ["LimitTests"]


def limits_of(handle: socket.socket) -> tuple[int, int]:
    """
    The most unsent bytes, and the time-out in milliseconds, of *handle*.
    """
    options = (socket.TCP_NOTSENT_LOWAT, socket.TCP_USER_TIMEOUT)
    unsent, timeout = (handle.getsockopt(socket.IPPROTO_TCP, option) for option in options)
    return unsent, timeout


class LimitTests(SynchronousTestCase):
    """
    `limit_sending`.
    """

    def listen(self, host: str, family: socket.AddressFamily) -> socket.socket:
        """
        A socket that listens until the test is over.
        """
        listening = socket.create_server((host, 0), family=family)
        self.addCleanup(listening.close)
        return listening

    def accept(self, listening: socket.socket) -> socket.socket:
        """
        A connection that *listening* has accepted.
        """
        client = socket.create_connection(listening.getsockname()[:2])
        self.addCleanup(client.close)
        accepted, _ = listening.accept()
        self.addCleanup(accepted.close)
        return accepted

    def test_limits(self) -> None:
        """
        64 KiB may wait unsent, and a peer that vanished is given up after five time-outs.
        """
        accepted = self.accept(self.listen("127.0.0.1", socket.AF_INET))
        limit_sending(accepted, 1.5)

        self.assertEqual(limits_of(accepted), (64 * 1024, 7500))

    def test_no_timeout(self) -> None:
        """
        Without a time-out the kernel keeps its own.
        """
        accepted = self.accept(self.listen("127.0.0.1", socket.AF_INET))
        before = limits_of(accepted)[1]
        limit_sending(accepted, None)

        self.assertEqual(limits_of(accepted), (64 * 1024, before))

    def test_inherited(self) -> None:
        """
        What is accepted has the limits of what listens: the hub's ports rely on it.
        """
        for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            with self.subTest(host=host):
                listening = self.listen(host, family)
                limit_sending(listening, 2.0)

                self.assertEqual(limits_of(self.accept(listening)), (64 * 1024, 10_000))

    def test_unix(self) -> None:
        """
        A UNIX socket has no such limits, and is left alone.
        """
        one, other = socket.socketpair(socket.AF_UNIX)
        self.addCleanup(one.close)
        self.addCleanup(other.close)

        self.assertIsNone(limit_sending(one, 1.0))
