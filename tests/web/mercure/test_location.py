"""
Where a hub is.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Served
from twisted_sse.web.mercure.location import HubLocation

__all__ = ["LocationTests", "MisdirectedTests"]

HUB = "/.well-known/mercure"


class LocationTests(SynchronousTestCase):
    """
    The path and the public URLs.
    """

    def test_base(self) -> None:
        """
        URL Patterns are relative to the first public URL, or to none.
        """
        urls = ["https://Hub.example:443/", "http://other.example"]

        self.assertEqual(HubLocation(HUB, urls).base, "https://hub.example/.well-known/mercure")
        self.assertEqual(HubLocation(HUB, []).base, "")

    def test_one_string(self) -> None:
        """
        A single public URL may be given as a string.
        """
        self.assertEqual(HubLocation("/hub", "https://hub.example").base, "https://hub.example/hub")

    def test_refused(self) -> None:
        """
        A path that is none, and a public URL that is no origin, are refused.
        """
        cases = [
            ("hub", []),
            ("/", []),
            ("/hub/", []),
            ("/hub?x", []),
            ('/"', []),
            (HUB, ["hub.example"]),
            (HUB, ["https://hub.example/path"]),
            (HUB, ["https://*.hub.example"]),
            (HUB, ["null"]),
        ]
        for path, urls in cases:
            with self.subTest(path=path, urls=urls):
                self.assertRaises(ValueError, HubLocation, path, urls)


class MisdirectedTests(SynchronousTestCase):
    """
    Requests to a host that is none of the public URLs'.
    """

    def _status(self, host: str, *urls: str) -> int:
        served = Served(mercure={"public_urls": urls})
        caller = served.call("POST", "/nowhere")
        caller.send(f"GET {HUB}?topic=a HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        served.clock.advance(0)
        head = caller.transport.value().rpartition(b"HTTP/1.1 ")[2]
        return int(head[:3])

    def test_served(self) -> None:
        """
        Each public URL is served, with its port, in any letter case.
        """
        urls = ("https://hub.example", "http://other.example:8080")

        for host in ("hub.example", "HUB.example", "hub.example:80", "other.example:8080"):
            with self.subTest(host=host):
                self.assertEqual(self._status(host, *urls), 200)

    def test_refused(self) -> None:
        """
        Other hosts and ports are answered with 421.
        """
        for host in ("evil.example", "hub.example:8080", "other.example", "hub.example.evil"):
            with self.subTest(host=host):
                self.assertEqual(self._status(host, "https://hub.example"), 421)

    def test_everything(self) -> None:
        """
        Without public URLs every host is served.
        """
        self.assertEqual(self._status("anything.example"), 200)
