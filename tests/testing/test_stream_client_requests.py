"""
The requests that `StreamClient` sends.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.stream_tests import Echo
from twisted_sse.testing import StreamClient

__all__ = ["RequestTests"]


class RequestTests(SynchronousTestCase):
    """
    The requests, as the application receives them.
    """

    def setUp(self) -> None:
        """
        Make a client of a resource that echoes.
        """
        self.client = StreamClient(Echo())
        self.addCleanup(self.client.close)

    def test_plain(self) -> None:
        """
        A request has only what it was given, and a host.
        """
        sent = self.client.get("/a/b").json()

        self.assertEqual((sent["method"], sent["uri"], sent["body"]), ("GET", "/a/b", ""))
        expected = dict.fromkeys(sent["headers"]) | {"Host": ["localhost"]}
        self.assertEqual(sent["headers"], expected)
        self.assertFalse(sent["secure"])

    def test_url(self) -> None:
        """
        A path, a relative path or a URL may be given; characters that are not ASCII are encoded.
        """
        cases = [
            ("news", {}, "/news"),
            ("/a?b=c", {}, "/a?b=c"),
            ("/", {"topic": ["a", "b&c"]}, "/?topic=a&topic=b%26c"),
            ("/?x=1", [("topic", "a"), ("topic", "b")], "/?x=1&topic=a&topic=b"),
            ("/ä", {}, "/%C3%A4"),
            ("/a%2Fb", {}, "/a%2Fb"),
            ("http://example.org:81/c", {}, "/c"),
        ]
        for url, params, expected in cases:
            sent = self.client.get(url, params=params).json()  # type: ignore[arg-type]

            self.assertEqual(sent["uri"], expected, url)

    def test_host(self) -> None:
        """
        A URL determines the host and the scheme that the application sees.
        """
        sent = self.client.get("https://example.org/").json()

        self.assertEqual(sent["headers"]["Host"], ["example.org"])
        self.assertTrue(sent["secure"])

    def test_headers(self) -> None:
        """
        A header may have several values.
        """
        sent = self.client.get("/", headers={"Accept": "a/b", "X-Several": ["1", "2"]}).json()

        self.assertEqual(sent["headers"]["Accept"], ["a/b"])
        self.assertEqual(sent["headers"]["X-Several"], ["1", "2"])

    def test_bodies(self) -> None:
        """
        A body is bytes, text, a form or JSON; the last two set the content type.
        """
        form = "application/x-www-form-urlencoded"
        cases = [
            ({"data": b"abc"}, "abc", None),
            ({"data": "ä"}, "ä", None),
            ({"data": {"a": "b c"}}, "a=b+c", [form]),
            ({"data": [("a", "1"), ("a", "2")]}, "a=1&a=2", [form]),
            ({"json": {"a": [1]}}, '{"a": [1]}', ["application/json"]),
            ({"json": [], "headers": {"Content-Type": "x/y"}}, "[]", ["x/y"]),
        ]
        for given, body, kind in cases:
            sent = self.client.post("/", **given).json()  # type: ignore[arg-type]

            self.assertEqual((sent["body"], sent["headers"]["Content-Type"]), (body, kind))

    def test_two_bodies(self) -> None:
        """
        A request with two bodies raises TypeError.
        """
        with self.assertRaisesRegex(TypeError, "not both"):
            self.client.post("/", b"", json=1)

    def test_large_body(self) -> None:
        """
        A body larger than the network's buffers arrives.
        """
        sent = self.client.post("/", "x" * 100_000).json()

        self.assertEqual(len(sent["body"]), 100_000)

    def test_methods(self) -> None:
        """
        Other methods have their own functions, or can be named.
        """
        answers = [
            self.client.put("/", "a"),
            self.client.delete("/"),
            self.client.request("PATCH", "/"),
        ]

        methods = [answer.json()["method"] for answer in answers]
        self.assertEqual(methods, ["PUT", "DELETE", "PATCH"])

    def test_resume(self) -> None:
        """
        `resume` sends the same request again.
        """
        answer = self.client.post("/?a=b", "body", headers={"X-Several": "1"}, last_event_id="5")

        self.assertEqual(answer.json(), answer.resume().json())
        self.assertEqual(answer.json()["headers"]["Last-Event-ID"], ["5"])
