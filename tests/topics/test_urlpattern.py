"""
URL Patterns: the topics they select, and invalid patterns.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidSelector
from twisted_sse.topics import MAX_SELECTOR_STATES, MAX_SELECTOR_VARIABLES, URLPattern

__all__ = ["URLPatternTests"]

HUB = "https://hub.example/.well-known/mercure"


class URLPatternTests(SynchronousTestCase):
    """
    A URL pattern selects URLs.
    """

    #: Pattern, topics that it selects, topics that it does not.
    CASES: list[tuple[str, list[str], list[str]]] = [
        (
            "/books/:id",
            ["/books/1", "/books/a%20b", "/books/é", "/books/1?x=y", "/books/1#z", "/books/1?#"],
            ["/books", "/books/", "/books/1/2", "/book/1", "https://a.example/books/1", "books/1"],
        ),
        ("/books/:id?", ["/books", "/books/1"], ["/books/", "/books/1/"]),
        ("/books/*", ["/books/", "/books/1", "/books/1/2"], ["/books", "/books?x"]),
        ("/books/*?", ["/books", "/books/1/2"], ["/book"]),
        ("/books{/:id}?/x", ["/books/x", "/books/1/x"], ["/books/1/2/x"]),
        ("/books{/old}?", ["/books", "/books/old"], ["/books/new"]),
        ("/{a}b", ["/ab"], ["/b"]),
        ("/a/", ["/a/", "/a/b/..", "/a/.", "/./a/b/%2e%2e", "/../a/"], ["/a", "/a/..", "/a/b"]),
        ("/x{*-}?", ["/x", "/x-", "/xa-"], ["/xa"]),
        ("/:a-:b", ["/1-2", "/1-2-3"], ["/-", "/1-"]),
        ("/:a.json", ["/1.json"], ["/.json", "/1.xml"]),
        ("/a\\:b\\*\\{\\}", ["/a:b*%7B%7D"], ["/a1", "/a:b"]),
        ("/a:1", ["/a:1"], ["/a"]),
        (
            "/search?q=:q",
            ["/search?q=x", "/search?q=x/y?z"],
            ["/search", "/search?q=", "/search?p=x"],
        ),
        ("/search?", ["/search", "/search?", "/search#x"], ["/search?q"]),
        ("/a#:b", ["/a#x"], ["/a", "/a#", "/a?x#x"]),
        ("/a?b#c", ["/a?b#c"], ["/a?b", "/a#c"]),
        ("/é", ["/é", "/%C3%A9"], ["/e"]),
        (
            "https://example.com/books/:id",
            [
                "https://example.com/books/1",
                "https://EXAMPLE.com/books/1",
                "HTTPS://example.com:443/books/1",
                "https://example.com/x/../books/./1",
                "https://example.com/x/%2e%2E/books/1",
                "https://example.com/books/1?x#y",
            ],
            [
                "http://example.com/books/1",
                "https://example.com:444/books/1",
                "https://example.org/books/1",
                "https://user@example.com/books/1",
                "https://example.com/books/1/../2/3",
                "https://example.com/books/x/..",
                "/books/1",
            ],
        ),
        ("https://example.com:443/", ["https://example.com"], ["https://example.com/a"]),
        ("https://example.com:8443/", ["https://example.com:8443/"], ["https://example.com/"]),
        (
            "https://example.com:*/",
            ["https://example.com/", "https://example.com:8443/"],
            ["https://example.com.evil.example/"],
        ),
        (
            "https://example.com",
            ["https://example.com", "https://example.com/a/b?c#d"],
            ["https://example.com.evil.example/"],
        ),
        ("https://example.com?a", ["https://example.com/?a"], ["https://example.com/b?a"]),
        ("https://example.com#a", ["https://example.com/#a"], ["https://example.com/?b#a"]),
        (
            "https://:sub.example.com/*",
            ["https://a.example.com/"],
            ["https://a.b.example.com/", "https://example.com/", "https://x/.example.com/"],
        ),
        (
            "https://*.example.com/*",
            ["https://a.b.example.com/c"],
            ["https://evil.example/a.example.com/", "https://x:1.example.com/"],
        ),
        ("http{s}?://a.example/", ["http://a.example/", "https://a.example/"], ["ws://a.example/"]),
        ("*://a.example/", ["http://a.example/", "ws://a.example/"], ["http://b.example/"]),
        ("https://{www.}?a.example/", ["https://a.example", "https://www.a.example"], []),
    ]

    INVALID = {
        "books/:id": "neither scheme://host/path nor a path",
        "urn:isbn:1": "neither scheme://host/path nor a path",
        "https:": "neither scheme://host/path nor a path",
        "//example.com/": "neither scheme://host/path nor a path",
        "?a": "neither scheme://host/path nor a path",
        "/(a|b)": "has a ( that is not supported",
        "/:id(\\d+)": "has a ( that is not supported",
        "/a+": "has a + that is not supported",
        "/:a+": "repeats a part",
        "/:a*": "repeats a part",
        "/{a}*": "repeats a part",
        "/**": "repeats a part",
        "/{a": "has a { that is not closed",
        "/a}": "has a } without a {",
        "/{a{b}}": "has a group within a group",
        "/{:a?}": "has a ? within a group",
        "/{a?b}": "has a ? in a group",
        "/{a#b}": "has a # in a group",
        "https://a{/b}?": "has a / in a group",
        "https://a@b/": "has a user name",
        "/a\\": "has a \\ that is not supported",
        "/:a-" + "b" * MAX_SELECTOR_STATES: "too complex",
        "/" + ":a/" * (MAX_SELECTOR_VARIABLES + 1): "too many variables",
    }

    def test_cases(self) -> None:
        """
        Each pattern selects the first topics of its row, and not the second.
        """
        for pattern, selected, others in self.CASES:
            for topic in (*selected, *others):
                with self.subTest(pattern=pattern, topic=topic):
                    self.assertEqual(URLPattern(pattern).matches(topic), topic in selected)

    def test_invalid(self) -> None:
        """
        A pattern that is invalid or outside the subset is refused, and the sentence says why.
        """
        for pattern, part in self.INVALID.items():
            with self.subTest(pattern=pattern), self.assertRaises(InvalidSelector) as caught:
                URLPattern(pattern)

            self.assertIn(part, str(caught.exception))

    def test_base(self) -> None:
        """
        With a base, paths belong to its origin, in the pattern and in topics.
        """
        path, url = URLPattern("/books/:id", HUB), URLPattern("https://hub.example/books/:id", HUB)

        for pattern in (path, url):
            with self.subTest(pattern=pattern):
                self.assertTrue(pattern.matches("/books/1"))
                self.assertTrue(pattern.matches("https://hub.example/books/1"))
                self.assertFalse(pattern.matches("https://example.com/books/1"))

    def test_bad_base(self) -> None:
        """
        A base that is not a URL with a host is refused.
        """
        for base in ("hub.example", "/hub", "urn:x:y"):
            with self.subTest(base=base):
                self.assertRaises(InvalidSelector, URLPattern, "/a", base)

    def test_no_url(self) -> None:
        """
        A topic that is not a URL with a host is not selected, whatever the pattern.
        """
        for topic in ("a", "urn:uuid:1", "//example.com/a", "https:///a", "1://a/", "https://"):
            with self.subTest(topic=topic):
                self.assertFalse(URLPattern("*://*:*/*").matches(topic))
                self.assertFalse(URLPattern("/*").matches(topic))

    def test_values(self) -> None:
        """
        Patterns are equal if text and base are.
        """
        self.assertEqual(URLPattern("/:a"), URLPattern("/:a"))
        self.assertEqual(hash(URLPattern("/:a")), hash(URLPattern("/:a")))
        self.assertNotEqual(URLPattern("/:a"), URLPattern("/:a", HUB))
