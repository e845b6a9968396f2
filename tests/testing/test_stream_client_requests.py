"""
What the client of streams sends.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.stream_tests import Echo
from twisted_sse.testing import StreamClient

__all__ = ["RequestTests"]


class RequestTests(SynchronousTestCase):
    """
    What is sent.
    """

    def setUp(self) -> None:
        """
        Make a client of what echoes.
        """
        self.client = StreamClient(Echo())
        self.addCleanup(self.client.close)

    def test_plain(self) -> None:
        """
        A request has nothing that it was not given, but a host.
        """
        asked = self.client.get("/a/b").json()

        self.assertEqual((asked["method"], asked["uri"], asked["body"]), ("GET", "/a/b", ""))
        expected = dict.fromkeys(asked["headers"]) | {"Host": ["localhost"]}
        self.assertEqual(asked["headers"], expected)
        self.assertFalse(asked["secure"])

    def test_url(self) -> None:
        """
        A path, a relative path and a URL are understood, and what is not ASCII is encoded.
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
            asked = self.client.get(url, params=params).json()  # type: ignore[arg-type]

            self.assertEqual(asked["uri"], expected, url)

    def test_host(self) -> None:
        """
        A URL says what host and what scheme the application sees.
        """
        asked = self.client.get("https://example.org/").json()

        self.assertEqual(asked["headers"]["Host"], ["example.org"])
        self.assertTrue(asked["secure"])

    def test_headers(self) -> None:
        """
        A header comes once or several times.
        """
        asked = self.client.get("/", headers={"Accept": "a/b", "X-Several": ["1", "2"]}).json()

        self.assertEqual(asked["headers"]["Accept"], ["a/b"])
        self.assertEqual(asked["headers"]["X-Several"], ["1", "2"])

    def test_bodies(self) -> None:
        """
        A body is bytes, text, a form or JSON, and the last two say so.
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
            asked = self.client.post("/", **given).json()  # type: ignore[arg-type]

            self.assertEqual((asked["body"], asked["headers"]["Content-Type"]), (body, kind))

    def test_two_bodies(self) -> None:
        """
        A request has one body.
        """
        with self.assertRaisesRegex(TypeError, "not both"):
            self.client.post("/", b"", json=1)

    def test_large_body(self) -> None:
        """
        What does not fit into the network at once arrives all the same.
        """
        asked = self.client.post("/", "x" * 100_000).json()

        self.assertEqual(len(asked["body"]), 100_000)

    def test_methods(self) -> None:
        """
        Other methods have names of their own, or can be named.
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
        Coming back sends the same request again.
        """
        answer = self.client.post("/?a=b", "body", headers={"X-Several": "1"}, last_event_id="5")

        self.assertEqual(answer.json(), answer.resume().json())
        self.assertEqual(answer.json()["headers"]["Last-Event-ID"], ["5"])
