"""
What a site refuses is counted, over HTTP/1.1 and HTTP/2.
"""

from h2.settings import SettingCodes

from tests.transport.http.test_limits import HEAD, LENGTH, Case
from tests.transport.http2 import test_limits as http2

__all__ = ["HTTP1Tests", "HTTP2Tests"]

PSEUDO = [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "a")]


class HTTP1Tests(Case):
    """
    HTTP/1.1.
    """

    def setUp(self) -> None:
        """
        Have the site refuse large bodies by itself.
        """
        super().setUp()
        self.site.refuses_large_bodies = True

    def test_counted(self) -> None:
        """
        Each limit has its counter, and only requests above it are counted.
        """
        for limit, data in [
            ("request_line", b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n"),
            ("headers", HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n"),
            ("headers", HEAD + b"X: y\r\n" * 600 + b"\r\n"),
            ("body", LENGTH + b"2000\r\n\r\n" + bytes(2000)),
            ("head_timeout", HEAD),
            ("body_timeout", LENGTH + b"9\r\n\r\nx"),
        ]:
            with self.subTest(limit=limit, data=data[:20]):
                before = self.site.refusals[limit]
                self.connect()
                self.send(data)
                self.clock.pump([1] * 40)

                self.assertEqual(self.site.refusals[limit], before + 1)
        self.connect()
        self.send(HEAD + b"\r\n")
        self.assertEqual(sum(number for _, number in self.site.refusals), 6)


class HTTP2Tests(http2.Case):
    """
    HTTP/2.
    """

    OPTIONS = {"max_streams": 1, "max_body": 1000}

    def test_counted(self) -> None:
        """
        The same limits are counted.
        """
        path = [*PSEUDO[:1], (":path", "/" + "x" * 65_600), *PSEUDO[2:]]
        self.client.send_headers(1, [*PSEUDO, ("x", "y" * 17_000)], end_stream=True)
        self.exchange()
        self.client.send_headers(3, path, end_stream=True)
        self.exchange()

        self.assertEqual(self.site.refusals["headers"], 1)
        self.assertEqual(self.site.refusals["request_line"], 1)

    def test_times(self) -> None:
        """
        So are headers and bodies that do not arrive.
        """
        self.client.send_headers(1, [(":method", "POST"), *PSEUDO[1:]])
        self.drip(35)
        self.assertEqual(self.site.refusals["body_timeout"], 1)

        self.exchange(b"\0\0\x08\6")
        self.clock.pump([1] * 11)
        self.assertEqual(self.site.refusals["head_timeout"], 1)

    def test_streams(self) -> None:
        """
        So are streams above the limit of one connection.
        """
        self.client.remote_settings.acknowledge()
        self.client.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 9
        self.client.remote_settings.acknowledge()
        for number in (1, 3):
            self.client.send_headers(number, PSEUDO)
        self.exchange()

        self.assertEqual(self.site.refusals["streams"], 1)
