"""
How many sockets clients get.
"""

import resource

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server import socketlimits
from twisted_sse.server.socketlimits import allow_many_files, open_files, socket_limits

__all__ = ["SocketLimitsTests"]


class SocketLimitsTests(SynchronousTestCase):
    """
    `socket_limits`.
    """

    def files(self, limit: int) -> None:
        """
        Let this process seem to have *limit* open files, of which 20 are open.
        """
        self.patch(resource, "getrlimit", lambda _: (limit, limit))
        self.patch(socketlimits, "_open_files", lambda: 20)

    def test_files(self) -> None:
        """
        The hub keeps some open files for itself, and some for short requests.
        """
        for limit, expected in [
            (1024, (1024 - 20 - 128, None, 1024 - 20 - 128 - 64)),
            (64, (36, None, 32)),
            (20, (1, None, 1)),
            (resource.RLIM_INFINITY, (None, None, None)),
        ]:
            with self.subTest(limit=limit):
                self.files(limit)
                self.assertEqual(socket_limits(None, None, open_files()), expected)

    def test_streams(self) -> None:
        """
        Beyond the limits of streams there are sockets for other requests.
        """
        self.files(100_000)
        for limits, expected in [((10, 2), (60, 12)), ((5000, 500), (5500, 550))]:
            with self.subTest(limits=limits):
                self.assertEqual(socket_limits(*limits, open_files())[:2], expected)

    def test_many_files(self) -> None:
        """
        The soft limit becomes the hard limit.
        """
        allow_many_files()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

        self.assertEqual(soft, hard)
