"""
The limits of sockets, as the kernel reports them.
"""

import socket

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.sockets import limit_sending

__all__ = ["LimitTests"]


def limits_of(handle: socket.socket) -> tuple[int, int]:
    """
    Get the most unsent bytes, and the time-out in milliseconds, of *handle*.
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
        Open a socket that listens until the test is over.
        """
        listening = socket.create_server((host, 0), family=family)
        self.addCleanup(listening.close)
        return listening

    def accept(self, listening: socket.socket) -> socket.socket:
        """
        Connect to *listening*, and return the accepted socket.
        """
        client = socket.create_connection(listening.getsockname()[:2])
        self.addCleanup(client.close)
        accepted, _ = listening.accept()
        self.addCleanup(accepted.close)
        return accepted

    def test_limits(self) -> None:
        """
        At most 64 KiB wait unsent, and a vanished peer is given up after five time-outs.
        """
        accepted = self.accept(self.listen("127.0.0.1", socket.AF_INET))
        limit_sending(accepted, 1.5)

        self.assertEqual(limits_of(accepted), (64 * 1024, 7500))

    def test_no_timeout(self) -> None:
        """
        Without a time-out the kernel's default stays.
        """
        accepted = self.accept(self.listen("127.0.0.1", socket.AF_INET))
        before = limits_of(accepted)[1]
        limit_sending(accepted, None)

        self.assertEqual(limits_of(accepted), (64 * 1024, before))

    def test_inherited(self) -> None:
        """
        An accepted socket inherits the limits of the listening one, as the ports rely on.
        """
        for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            with self.subTest(host=host):
                listening = self.listen(host, family)
                limit_sending(listening, 2.0)

                self.assertEqual(limits_of(self.accept(listening)), (64 * 1024, 10_000))

    def test_unix(self) -> None:
        """
        A UNIX socket, which has no such limits, is not changed.
        """
        one, other = socket.socketpair(socket.AF_UNIX)
        self.addCleanup(one.close)
        self.addCleanup(other.close)

        self.assertIsNone(limit_sending(one, 1.0))
