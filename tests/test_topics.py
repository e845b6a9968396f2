"""
Topics, selectors, and who gets to see what.
"""

import pickle
import re
import sys
import tracemalloc
from collections.abc import Callable
from itertools import chain, combinations
from random import Random
from types import FrameType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidSelector, InvalidTopic
from twisted_sse.topics import (
    MAX_SELECTOR_STATES,
    MAX_SELECTOR_VARIABLES,
    MAX_TOPIC_SIZE,
    MAX_TOPICS,
    Everything,
    Exact,
    Interest,
    Selection,
    Selector,
    URITemplate,
    URLPattern,
    check_topics,
    parse_selector,
)

__all__ = [
    "AgreementTests",
    "InterestTests",
    "LinearTests",
    "SelectionTests",
    "SelectorTests",
    "TopicTests",
    "URITemplateTests",
    "URLPatternTests",
]

HUB = "https://hub.example/.well-known/mercure"

#: What makes a text neither a topic nor a selector, and what the sentence then says.
BAD_TEXTS: list[tuple[Any, str]] = [
    (1, "is a int: give a str."),
    (b"a", "is a bytes: give a str."),
    ("", "is empty: give it a name."),
    ("a\nb", "contains U+000A at index 1: remove it."),
    ("\0", "contains U+0000 at index 0: remove it."),
    ("a\x7f", "contains U+007F at index 1: remove it."),
    ("a\x85", "contains U+0085 at index 1: remove it."),
    ("a\u200bb", "contains U+200B at index 1: remove it."),
    ("a\u202eb", "contains U+202E at index 1: remove it."),
    ("\ufeffa", "contains U+FEFF at index 0: remove it."),
    ("a\u00adb", "contains U+00AD at index 1: remove it."),
    ("a\U000e0001", "contains U+E0001 at index 1: remove it."),
    ("a\ud800", "contains a lone surrogate at index 1: remove it."),
    ("a" * (MAX_TOPIC_SIZE + 1), "has 4097 bytes of UTF-8: use at most 4096."),
    ("é" * (MAX_TOPIC_SIZE // 2 + 1), "has 4098 bytes of UTF-8: use at most 4096."),
]


class TopicTests(SynchronousTestCase):
    """
    What may be published to.
    """

    def test_one(self) -> None:
        """
        A single str is one topic, not its characters.
        """
        self.assertEqual(check_topics("https://example.com/1"), ("https://example.com/1",))

    def test_several(self) -> None:
        """
        The order is kept and duplicates go.
        """
        self.assertEqual(check_topics(iter(["b", "a", "b", "c", "a"])), ("b", "a", "c"))

    def test_any_text(self) -> None:
        """
        Spaces, braces and every script are fine, up to the largest size.
        """
        for topic in (
            "a b",
            "a*",
            "**",
            "{a}",
            "é",
            "\u2028",
            "a\u00a0b",
            "\U0001f600",
            "a" * 4096,
        ):
            with self.subTest(topic=topic):
                self.assertEqual(check_topics(topic), (topic,))

    def test_refused(self) -> None:
        """
        Each bad topic is refused in a sentence that says what to do.
        """
        for topic, sentence in BAD_TEXTS:
            with self.subTest(topic=topic), self.assertRaises(InvalidTopic) as caught:
                check_topics(["a", topic])

            self.assertEqual(str(caught.exception), f"The topic {sentence}")

    def test_everything(self) -> None:
        """
        Nothing is published to everything.
        """
        for topics in ("*", ["a", "*"]):
            with self.subTest(topics=topics):
                self.assertRaises(InvalidTopic, check_topics, topics)

    def test_number(self) -> None:
        """
        There is at least one topic, and at most a hundred different ones.
        """
        names = [str(number) for number in range(MAX_TOPICS)]

        self.assertEqual(len(check_topics(names * 2)), 100)
        self.assertRaises(InvalidTopic, check_topics, [*names, "one more"])
        self.assertRaises(InvalidTopic, check_topics, [])

    def test_unhashable(self) -> None:
        """
        A list where a topic should be is refused like any other value.
        """
        topics: list[Any] = [["a"]]

        self.assertRaises(InvalidTopic, check_topics, topics)


class SelectorTests(SynchronousTestCase):
    """
    What a text selects.
    """

    def test_kinds(self) -> None:
        """
        A star is everything, a brace makes a template, and the rest are names.
        """
        self.assertEqual(parse_selector("*"), Everything())
        self.assertEqual(parse_selector("/books/{id}"), URITemplate("/books/{id}"))
        self.assertEqual(parse_selector("/books/:id"), Exact("/books/:id"))
        self.assertEqual(parse_selector("/books/*"), Exact("/books/*"))

    def test_matches(self) -> None:
        """
        A name selects itself, byte for byte, and a star selects all.
        """
        self.assertTrue(Exact("é").matches("é"))
        self.assertFalse(Exact("é").matches("e\u0301"))
        self.assertTrue(Everything().matches("anything"))

    def test_refused(self) -> None:
        """
        Selectors obey the rules of topics.
        """
        kinds: list[Callable[[Any], Selector]] = [parse_selector, Exact, URITemplate, URLPattern]
        for text, sentence in BAD_TEXTS:
            for kind in kinds:
                with self.subTest(text=text), self.assertRaises(InvalidSelector) as caught:
                    kind(text)

                self.assertEqual(str(caught.exception), f"The selector {sentence}")

    def test_text(self) -> None:
        """
        Every selector keeps its text.
        """
        for text in ("*", "a", "{a}"):
            with self.subTest(text=text):
                self.assertEqual(parse_selector(text).text, text)


class URITemplateTests(SynchronousTestCase):
    """
    A template selects what it may expand to.
    """

    #: The expansions that RFC 6570 gives, by its sections.
    RFC_6570 = {
        # 1.2
        "http://example.com/~{username}/": ["http://example.com/~fred/"],
        "http://example.com/dictionary/{term:1}/{term}": ["http://example.com/dictionary/c/cat"],
        "http://example.com/search{?q,lang}": [
            "http://example.com/search?q=cat&lang=en",
            "http://example.com/search?q=chien&lang=fr",
        ],
        "http://www.example.com/foo{?query,number}": [
            "http://www.example.com/foo?query=mycelium&number=100",
            "http://www.example.com/foo?number=100",
        ],
        # 3.2.1 and 3.2.2
        "{count}": ["one,two,three"],
        "{count*}": ["one,two,three"],
        "{/count}": ["/one,two,three"],
        "{/count*}": ["/one/two/three"],
        "{;count}": [";count=one,two,three"],
        "{;count*}": [";count=one;count=two;count=three"],
        "{?count}": ["?count=one,two,three"],
        "{?count*}": ["?count=one&count=two&count=three"],
        "{&count*}": ["&count=one&count=two&count=three"],
        "{var}": ["value"],
        "{hello}": ["Hello%20World%21"],
        "{half}": ["50%25"],
        "O{empty}X": ["OX"],
        "O{undef}X": ["OX"],
        "{x,y}": ["1024,768"],
        "{x,hello,y}": ["1024,Hello%20World%21,768"],
        "?{x,empty}": ["?1024,"],
        "?{x,undef}": ["?1024"],
        "?{undef,y}": ["?768"],
        "{var:3}": ["val"],
        "{var:30}": ["value"],
        "{list}": ["red,green,blue"],
        "{list*}": ["red,green,blue"],
        "{keys}": ["semi,%3B,dot,.,comma,%2C"],
        "{keys*}": ["semi=%3B,dot=.,comma=%2C"],
        # 3.2.3
        "{+var}": ["value"],
        "{+hello}": ["Hello%20World!"],
        "{+half}": ["50%25"],
        "{base}index": ["http%3A%2F%2Fexample.com%2Fhome%2Findex"],
        "{+base}index": ["http://example.com/home/index"],
        "O{+empty}X": ["OX"],
        "{+path}/here": ["/foo/bar/here"],
        "here?ref={+path}": ["here?ref=/foo/bar"],
        "up{+path}{var}/here": ["up/foo/barvalue/here"],
        "{+x,hello,y}": ["1024,Hello%20World!,768"],
        "{+path,x}/here": ["/foo/bar,1024/here"],
        "{+path:6}/here": ["/foo/b/here"],
        "{+list}": ["red,green,blue"],
        "{+list*}": ["red,green,blue"],
        "{+keys}": ["semi,;,dot,.,comma,,"],
        "{+keys*}": ["semi=;,dot=.,comma=,"],
        # 3.2.4
        "{#var}": ["#value"],
        "{#hello}": ["#Hello%20World!"],
        "{#half}": ["#50%25"],
        "foo{#empty}": ["foo#"],
        "foo{#undef}": ["foo"],
        "{#x,hello,y}": ["#1024,Hello%20World!,768"],
        "{#path,x}/here": ["#/foo/bar,1024/here"],
        "{#path:6}/here": ["#/foo/b/here"],
        "{#list}": ["#red,green,blue"],
        "{#list*}": ["#red,green,blue"],
        "{#keys}": ["#semi,;,dot,.,comma,,"],
        "{#keys*}": ["#semi=;,dot=.,comma=,"],
        # 3.2.5
        "{.who}": [".fred"],
        "{.who,who}": [".fred.fred"],
        "{.half,who}": [".50%25.fred"],
        "www{.dom*}": ["www.example.com"],
        "X{.var}": ["X.value"],
        "X{.empty}": ["X."],
        "X{.undef}": ["X"],
        "X{.var:3}": ["X.val"],
        "X{.list}": ["X.red,green,blue"],
        "X{.list*}": ["X.red.green.blue"],
        "X{.keys}": ["X.semi,%3B,dot,.,comma,%2C"],
        "X{.keys*}": ["X.semi=%3B.dot=..comma=%2C"],
        "X{.empty_keys}": ["X"],
        "X{.empty_keys*}": ["X"],
        # 3.2.6
        "{/who}": ["/fred"],
        "{/who,who}": ["/fred/fred"],
        "{/half,who}": ["/50%25/fred"],
        "{/who,dub}": ["/fred/me%2Ftoo"],
        "{/var}": ["/value"],
        "{/var,empty}": ["/value/"],
        "{/var,undef}": ["/value"],
        "{/var,x}/here": ["/value/1024/here"],
        "{/var:1,var}": ["/v/value"],
        "{/list}": ["/red,green,blue"],
        "{/list*}": ["/red/green/blue"],
        "{/list*,path:4}": ["/red/green/blue/%2Ffoo"],
        "{/keys}": ["/semi,%3B,dot,.,comma,%2C"],
        "{/keys*}": ["/semi=%3B/dot=./comma=%2C"],
        # 3.2.7
        "{;who}": [";who=fred"],
        "{;half}": [";half=50%25"],
        "{;empty}": [";empty"],
        "{;v,empty,who}": [";v=6;empty;who=fred"],
        "{;v,bar,who}": [";v=6;who=fred"],
        "{;x,y}": [";x=1024;y=768"],
        "{;x,y,empty}": [";x=1024;y=768;empty"],
        "{;x,y,undef}": [";x=1024;y=768"],
        "{;hello:5}": [";hello=Hello"],
        "{;list}": [";list=red,green,blue"],
        "{;list*}": [";list=red;list=green;list=blue"],
        "{;keys}": [";keys=semi,%3B,dot,.,comma,%2C"],
        "{;keys*}": [";semi=%3B;dot=.;comma=%2C"],
        # 3.2.8
        "{?who}": ["?who=fred"],
        "{?half}": ["?half=50%25"],
        "{?x,y}": ["?x=1024&y=768"],
        "{?x,y,empty}": ["?x=1024&y=768&empty="],
        "{?x,y,undef}": ["?x=1024&y=768"],
        "{?var:3}": ["?var=val"],
        "{?list}": ["?list=red,green,blue"],
        "{?list*}": ["?list=red&list=green&list=blue"],
        "{?keys}": ["?keys=semi,%3B,dot,.,comma,%2C"],
        "{?keys*}": ["?semi=%3B&dot=.&comma=%2C"],
        # 3.2.9
        "{&who}": ["&who=fred"],
        "{&half}": ["&half=50%25"],
        "?fixed=yes{&x}": ["?fixed=yes&x=1024"],
        "{&x,y,empty}": ["&x=1024&y=768&empty="],
        "{&x,y,undef}": ["&x=1024&y=768"],
        "{&var:3}": ["&var=val"],
        "{&list}": ["&list=red,green,blue"],
        "{&list*}": ["&list=red&list=green&list=blue"],
        "{&keys}": ["&keys=semi,%3B,dot,.,comma,%2C"],
        "{&keys*}": ["&semi=%3B&dot=.&comma=%2C"],
    }

    #: What a template may not expand to.
    OTHERS = {
        "https://example.com/books/{id}": [
            "https://example.com/books",
            "https://example.com/books/1/2",
            "https://example.com/books/1?a",
            "https://example.com/books/1#a",
            "https://example.com/books/1 2",
            "https://example.com/books/é",
            "https://example.com/books/%",
            "https://example.com/books/%2",
            "https://example.com/books/%zz",
            "https://example.com/books/a=b",
            "xhttps://example.com/books/1",
            "HTTPS://example.com/books/1",
        ],
        "{a}/b": ["1/bb", "1/", "b"],
        "{+a}": ["a b", "é", "%", '"', "{a", "<a>"],
        "{#a}": ["a", "#a b"],
        "{/a}": ["a", "/a/b", "//"],
        "{/a,b}": ["/1/2/3"],
        "{;a}": [";b=1", ";", ";a=1;a=2", "a=1", ";ab"],
        "{?a}": ["?", "?b=1", "?a", "?a=1&a=2", "&a=1", "?a=1&", "?a=b=c"],
        "{?a,b}": ["?b=1&a=2", "?a=1b=2", "?a=1?b=2", "&b=2", "?a=1&b=2&", "?&b=2", "?a=1&&b=2"],
        "{&a,b}": ["?a=1", "&b=1&a=2"],
        "{a:3}": ["abcd", "ab,c", "%61%61%61%61"],
        "{a:2,b:3}": ["abcd", "abc,abc,abc"],
        "{.a:2}": ["..aa", ".abc"],
        "{.a:1,b:1}": [".a.b.c", ".ab"],
        "{;a:2}": [";a=abc"],
        "%41{a}": ["A", "%4", "%61"],
    }

    INVALID = {
        "{": "has a { that is not closed",
        "a{b": "has a { that is not closed",
        "{a{b}}": "has a { that is not closed",
        "}": "has a } without a {",
        "{a}}": "has a } without a {",
        "{}": "has no variable",
        "{+}": "has no variable",
        "{a,}": "has no variable",
        "{,a}": "reserved operator",
        "{=a}": "reserved operator",
        "{!a}": "reserved operator",
        "{@a}": "reserved operator",
        "{|a}": "reserved operator",
        "{$a}": "has the bad variable '$a'",
        "{a b}": "has the bad variable 'a b'",
        "{a, b}": "has the bad variable ' b'",
        "{a-b}": "has the bad variable 'a-b'",
        "{a.}": "has the bad variable 'a.'",
        "{a..b}": "has the bad variable 'a..b'",
        "{..a}": "has the bad variable '.a'",
        "{é}": "has the bad variable 'é'",
        "{%4}": "has the bad variable '%4'",
        "{a*:3}": "has the bad variable 'a*:3'",
        "{a:3*}": "has the bad variable 'a:3*'",
        "{a:}": "has the bad variable 'a:'",
        "{a:0}": "has the bad variable 'a:0'",
        "{a:03}": "has the bad variable 'a:03'",
        "{a:10000}": "has the bad variable 'a:10000'",
        "{??a}": "has the bad variable '?a'",
        "100%{a}": "has a lone %",
        "{a:9999}": "too complex",
        "{a}" + "b" * MAX_SELECTOR_STATES: "too complex",
        "{a}" * (MAX_SELECTOR_VARIABLES + 1): "too many variables",
    }

    def test_rfc(self) -> None:
        """
        Every expansion that RFC 6570 shows is selected.
        """
        for template, topics in self.RFC_6570.items():
            for topic in topics:
                with self.subTest(template=template, topic=topic):
                    self.assertTrue(URITemplate(template).matches(topic))

    def test_others(self) -> None:
        """
        Topics that a template cannot expand to are not selected.
        """
        for template, topics in self.OTHERS.items():
            for topic in topics:
                with self.subTest(template=template, topic=topic):
                    self.assertFalse(URITemplate(template).matches(topic))

    def test_invalid(self) -> None:
        """
        What is no template is refused, and the sentence says why.
        """
        for template, part in self.INVALID.items():
            with self.subTest(template=template), self.assertRaises(InvalidSelector) as caught:
                URITemplate(template)

            self.assertIn(part, str(caught.exception))

    def test_itself(self) -> None:
        """
        A template selects the topic that is spelled like it.
        """
        self.assertTrue(URITemplate("https://example.com/{id}").matches("https://example.com/{id}"))
        self.assertFalse(URITemplate("https://example.com/{id}").matches("https://example.com/{i}"))

    def test_all_undefined(self) -> None:
        """
        Every expression may be empty.
        """
        for expression in (
            "{a}",
            "{+a}",
            "{#a}",
            "{.a}",
            "{/a}",
            "{;a}",
            "{?a,b}",
            "{&a}",
            "{a:3}",
        ):
            with self.subTest(expression=expression):
                self.assertTrue(URITemplate(f"x{expression}y").matches("xy"))

    def test_variable_names(self) -> None:
        """
        Names may have dots, digits, underscores and percent-encoded bytes.
        """
        self.assertTrue(URITemplate("{?a.b_1%C3%A9}").matches("?a.b_1%C3%A9=x"))

    def test_prefix_counts_characters(self) -> None:
        """
        A prefix counts characters, however many bytes they take.
        """
        euro = "%E2%82%AC"

        self.assertTrue(URITemplate("{a:3}!").matches(f"{euro * 3}!"))
        self.assertFalse(URITemplate("{a:3}!").matches(f"{euro * 4}!"))

    def test_literals(self) -> None:
        """
        What is no expression matches as it is written.
        """
        self.assertTrue(URITemplate("é .*+?^$([{a}x").matches("é .*+?^$([1x"))

    def test_values(self) -> None:
        """
        Templates of the same text are equal, whatever they have matched.
        """
        first, second = URITemplate("{a}"), URITemplate("{a}")
        first.matches("abc")

        self.assertEqual(first, second)
        self.assertEqual(hash(first), hash(second))
        self.assertEqual(repr(first), "URITemplate(text='{a}')")

    def test_many_characters(self) -> None:
        """
        A topic of more different characters than a machine remembers is matched all the same.
        """
        topic = "".join(f"%{byte:02X}{byte:02x}" for byte in range(256))

        for _ in range(3):
            self.assertTrue(URITemplate("{+a}").matches(topic))
        self.assertFalse(URITemplate("{+a}").matches(topic + "%"))


class URLPatternTests(SynchronousTestCase):
    """
    A URL pattern selects URLs.
    """

    #: Pattern, what it selects, what it does not.
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
        Each pattern selects what its row says, and nothing else that the row has.
        """
        for pattern, selected, others in self.CASES:
            for topic in (*selected, *others):
                with self.subTest(pattern=pattern, topic=topic):
                    self.assertEqual(URLPattern(pattern).matches(topic), topic in selected)

    def test_invalid(self) -> None:
        """
        What is no pattern, or not of the subset, is refused, and the sentence says why.
        """
        for pattern, part in self.INVALID.items():
            with self.subTest(pattern=pattern), self.assertRaises(InvalidSelector) as caught:
                URLPattern(pattern)

            self.assertIn(part, str(caught.exception))

    def test_base(self) -> None:
        """
        With a base, paths are those of its origin, in the pattern and in topics.
        """
        path, url = URLPattern("/books/:id", HUB), URLPattern("https://hub.example/books/:id", HUB)

        for pattern in (path, url):
            with self.subTest(pattern=pattern):
                self.assertTrue(pattern.matches("/books/1"))
                self.assertTrue(pattern.matches("https://hub.example/books/1"))
                self.assertFalse(pattern.matches("https://example.com/books/1"))

    def test_bad_base(self) -> None:
        """
        A base that is no URL with a host is refused.
        """
        for base in ("hub.example", "/hub", "urn:x:y"):
            with self.subTest(base=base):
                self.assertRaises(InvalidSelector, URLPattern, "/a", base)

    def test_no_url(self) -> None:
        """
        A topic that is no URL with a host is not selected, whatever the pattern.
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


class SelectionTests(SynchronousTestCase):
    """
    Several selectors at once.
    """

    def test_sorted_out(self) -> None:
        """
        Names go to one side and patterns to the other, without duplicates.
        """
        selection = Selection.of(["b", "{x}", "a", URLPattern("/:a"), "a", "{x}", Exact("c")])

        self.assertFalse(selection.everything)
        self.assertEqual(selection.exact, {"a", "b", "c"})
        self.assertEqual(selection.patterns, (URITemplate("{x}"), URLPattern("/:a")))

    def test_order(self) -> None:
        """
        The order of the selectors makes no difference.
        """
        selectors: list[str | Selector] = ["a", "b", "{x}", "{y}", URLPattern("/:a")]
        forward, backward = Selection.of(selectors), Selection.of(reversed(selectors))

        self.assertEqual(forward, backward)
        self.assertEqual(hash(forward), hash(backward))

    def test_everything(self) -> None:
        """
        A star makes the other selectors superfluous.
        """
        self.assertEqual(Selection.of(["a", "*", "{x}"]), Selection.of([Everything()]))
        self.assertTrue(Selection.of(["*"]).everything)
        self.assertTrue(Selection.of(["*"]).matches(["anything"]))

    def test_matches(self) -> None:
        """
        Any selector may match any topic.
        """
        selection = Selection.of(["a", "/books/{id}", URLPattern("/shops/:id")])

        for topics in (["a"], ("x", "a"), ["/books/1"], ["x", "/books/1"], ["/shops/1", "x"]):
            with self.subTest(topics=topics):
                self.assertTrue(selection.matches(topics))
        for topics in (["b"], ["A"], ["/books/1/2", "x"], ["/shops/"]):
            with self.subTest(topics=topics):
                self.assertFalse(selection.matches(topics))

    def test_one(self) -> None:
        """
        A single str is one selector, not its characters.
        """
        self.assertEqual(Selection.of("abc"), Selection.of(["abc"]))

    def test_refused(self) -> None:
        """
        No selector at all is refused, and so is any that is invalid.
        """
        bad: list[list[Any]] = [[], [""], ["a", "{"], ["a", 1], [None], [["a"]]]
        for selectors in bad:
            with self.subTest(selectors=selectors):
                self.assertRaises(InvalidSelector, Selection.of, selectors)

    def test_pickle(self) -> None:
        """
        A selection can be pickled, its patterns included.
        """
        selection = Selection.of(["a", "/books/{id}", URLPattern("/shops/:id", HUB)])
        selection.matches(["/books/1"])
        copy = pickle.loads(pickle.dumps(selection))

        self.assertEqual(copy, selection)
        self.assertTrue(copy.matches(["/books/2"]))


class InterestTests(SynchronousTestCase):
    """
    Who gets to see what.
    """

    WANTED = Selection.of(["a", "b"])

    def test_public(self) -> None:
        """
        Without a grant, public publications are seen and private ones are not.
        """
        interest = Interest(self.WANTED, None, public=True)

        self.assertTrue(interest.matches(["a"], private=False))
        self.assertFalse(interest.matches(["a"], private=True))

    def test_nothing_public(self) -> None:
        """
        Where nothing is public, every publication needs a grant.
        """
        interest = Interest(self.WANTED, Selection.of(["a"]), public=False)

        self.assertTrue(interest.matches(["a"], private=False))
        self.assertFalse(interest.matches(["b"], private=False))
        self.assertFalse(Interest(self.WANTED, None, False).matches(["a"], private=False))

    def test_private(self) -> None:
        """
        A private publication is seen by whoever wants it and may read it.
        """
        interest = Interest(self.WANTED, Selection.of(["a", "c"]), public=True)

        self.assertTrue(interest.matches(["a"], private=True))
        self.assertFalse(interest.matches(["b"], private=True))
        self.assertTrue(interest.matches(["b"], private=False))

    def test_unwanted(self) -> None:
        """
        What is not wanted is not seen, however much may be read.
        """
        interest = Interest(self.WANTED, Selection.of(["*"]), public=True)

        self.assertFalse(interest.matches(["c"], private=False))
        self.assertFalse(interest.matches(["c"], private=True))

    def test_alternates(self) -> None:
        """
        One topic may be wanted and another readable.
        """
        interest = Interest(self.WANTED, Selection.of(["c"]), public=False)

        self.assertTrue(interest.matches(["a", "c"], private=True))

    def test_values(self) -> None:
        """
        Equal interests are equal and hash alike.
        """
        first = Interest(Selection.of(["a", "b"]), Selection.of(["*"]), True)
        second = Interest(Selection.of(["b", "a"]), Selection.of(["*"]), True)

        self.assertEqual(first, second)
        self.assertEqual(len({first, second, Interest(first.wanted, None, True)}), 2)


class LinearTests(SynchronousTestCase):
    """
    No selector makes a long topic dear.
    """

    #: Each goes on to the end of its topic, and then finds that the ! is missing.
    ADVERSARIES: list[tuple[Callable[[], Selector], str]] = [
        (lambda: URITemplate("{a}{+b}" * 30 + "!"), "a"),
        (lambda: URITemplate("{a}a" * 60 + "!"), "a"),
        (lambda: URITemplate("{+x}" + "{/a}" * 60 + "!"), "/a"),
        (lambda: URITemplate("{+x}" + "{/a*}{.b}{#c}" * 20 + "!"), "/a.b#c"),
        (lambda: URITemplate("{+x}" + "{a:9}" * 60 + "!"), "a%C3%A9"),
        (lambda: URITemplate("{+x}{?" + ",".join("ab" * n for n in range(1, 20)) + "}!"), "?ab=&"),
        (lambda: URITemplate("{+a}aab{+b}aab{+c}!"), "aab"),
        (lambda: URLPattern("/" + "*a" * 60 + "!"), "a"),
        (lambda: URLPattern("/" + ":a-" * 60 + "!"), "a-"),
        (lambda: URLPattern("/*" + "{a}?" * 60 + "!"), "a"),
        (lambda: URLPattern("/*" + "{b*a}?" * 30 + "!"), "ba"),
    ]

    def test_topic(self) -> None:
        """
        Twice the topic takes at most twice the instructions, when nothing is remembered.
        """
        for make, piece in self.ADVERSARIES:
            short, long = make(), make()
            once, twice = "/" + piece * 300, "/" + piece * 600
            if isinstance(short, URITemplate):
                once, twice = once[1:], twice[1:]
            first, second = _matching(short, once), _matching(long, twice)

            with self.subTest(selector=short.text):
                self.assertLess(second, 2.2 * first)
                self.assertGreater(second, first + 3 * 300)

    def test_bound(self) -> None:
        """
        A character takes a bounded number of instructions, also when no step comes twice.
        """
        template = URITemplate("{+x}" + "{/a*}{.b}{#c}" * 20 + "!")
        random = Random(1)
        topic = "".join(random.choice("/.#a%b") for _ in range(1000)).replace("%", "%2F")
        characters = len(topic)

        self.assertLess(_matching(template, topic), 4000 * characters)

    def test_memory(self) -> None:
        """
        Topics cannot make a selector remember more and more, and it goes on remembering.
        """
        template = URITemplate("a{x}")
        tracemalloc.start()
        for number in range(4000):
            template.matches("a" + chr(0x4E00 + number))
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        template.matches("a" * 1000)

        self.assertLess(kept, 100_000)
        self.assertLess(_matching(template, "a" * 1000), 20 * 1000)

    def test_remembered(self) -> None:
        """
        A topic that comes again takes a few instructions for each character.
        """
        template = URITemplate("https://example.com/{a}{/b}{?c}")
        topic = "https://example.com/" + "a" * 1000
        template.matches(topic)

        self.assertLess(_matching(template, topic), 20 * 1000)


def _matching(selector: Selector, topic: str) -> int:
    """
    Count the instructions that Python executes for a match: the same on every machine.
    """
    count = 0

    def trace(frame: FrameType, what: str, argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += what == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        selector.matches(topic)
    finally:
        sys.settrace(before)
    return count


# What follows writes the language of a selector once more, as the documentation
# of URITemplate and URLPattern has it, and as backtracking regular expressions:
# fit for small topics only.

_V = r"(?:[A-Za-z0-9\-._~]|%[0-9A-Fa-f]{2})"
_VR = r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})"
_CONTINUATION = "(?:%[89ABab][0-9A-Fa-f])*"


def _value(kind: str, modifier: str, separators: str) -> str:
    if modifier.startswith(":"):
        return f"(?:{kind}{_CONTINUATION}){{0,{modifier[1:]}}}"
    more = "," + (separators + "=" if modifier == "*" else "")
    return f"(?:{kind}|[{more}])*"


def _expression(operator: str, variables: list[tuple[str, str]]) -> str:
    kind = _VR if operator in ("+", "#") else _V
    if operator == "?":
        pairs = [
            _value(_V, modifier, "&") if modifier == "*" else f"{name}={_value(_V, modifier, '')}"
            for name, modifier in variables
        ]
        subsets = chain.from_iterable(combinations(pairs, n) for n in range(1, len(pairs) + 1))
        return "(?:" + "|".join(r"\?" + "&".join(subset) for subset in subsets) + ")?"
    if operator in ("/", ";", "&"):
        return "".join(f"(?:{operator}{_pair(operator, *variable)})?" for variable in variables)
    limits = [int(modifier[1:]) for _, modifier in variables if modifier.startswith(":")]
    if len(limits) == len(variables):
        value = _value(kind, f":{max(limits)}", "")
        separator = r"\." if operator == "." else ","
        body = f"{value}(?:{separator}{value}){{0,{len(limits) - 1}}}"
    else:
        exploded = "*" in [modifier for _, modifier in variables]
        body = _value(kind, "*" if exploded else "", "")
    return f"(?:[{operator}]{body})?" if operator in ("#", ".") else body


def _pair(operator: str, name: str, modifier: str) -> str:
    if modifier == "*":
        return _value(_V, "*", operator)
    value = _value(_V, modifier, "")
    return {"/": value, ";": f"{name}(?:={value})?", "&": f"{name}={value}"}[operator]


VARIABLES = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["", "", "*", ":1", ":2"])),
    min_size=1,
    max_size=3,
)
EXPRESSIONS = st.tuples(st.sampled_from(["", *"+#./;?&"]), VARIABLES).map(
    lambda pair: (
        "{" + pair[0] + ",".join(name + modifier for name, modifier in pair[1]) + "}",
        _expression(*pair),
    )
)
LITERALS = st.sampled_from(["a", "/", "?", "&b=", ".", "%C3%A9", "é"]).map(
    lambda text: (text, re.escape(text))
)
TEMPLATES = st.lists(EXPRESSIONS | LITERALS, min_size=1, max_size=4)
TOPICS = st.lists(
    st.sampled_from(
        ["a", "b", *"/?#&=;.,!%é", "a=", "b=a", "%C3", "%A9", "?a=", "&b=", ";a", "?b=a"]
    ),
    min_size=1,
    max_size=6,
).map("".join)

PATTERN_PARTS = [
    *[("a", "a"), ("/", "/"), ("/{:x}", "/[^/?#]+"), (":x-", "[^/?#]+-"), ("-*-", "-[^?#]*-")],
    *[("{*-}?", "(?:[^?#]*-)?"), ("{*b/}", "[^?#]*b/"), ("{:x-}?", "(?:[^/?#]+-)?")],
    *[("/:x?", "(?:/[^/?#]+)?"), ("{a}?", "(?:a)?"), ("{/*}?", "(?:/[^?#]*)?"), ("{-}", "-")],
]
PATTERNS = st.lists(st.sampled_from(PATTERN_PARTS), max_size=4)
PATHS = st.lists(st.sampled_from(["a", "b", "-", "/", "?", "#", ":"]), max_size=8).map(
    lambda pieces: "/" + "".join(pieces)
)


class AgreementTests(SynchronousTestCase):
    """
    The machine and backtracking regular expressions agree about small topics.
    """

    @settings(derandomize=True, max_examples=500, deadline=None)
    @given(TEMPLATES, TOPICS)
    def test_templates(self, parts: list[tuple[str, str]], topic: str) -> None:
        """
        A template selects what its documentation says.
        """
        template = "".join(text for text, _ in parts)
        expected = re.fullmatch("".join(regex for _, regex in parts), topic) is not None

        self.assertEqual(
            URITemplate(template).matches(topic), expected or topic == template, (template, topic)
        )

    @settings(derandomize=True, max_examples=500, deadline=None)
    @given(PATTERNS, PATHS)
    def test_patterns(self, parts: list[tuple[str, str]], topic: str) -> None:
        """
        A URL pattern selects what its documentation says.
        """
        pattern = "/a" + "".join(text for text, _ in parts)
        regex = "/a" + "".join(regex for _, regex in parts) + r"(?:\?[^#]*)?(?:#.*)?"
        expected = re.fullmatch(regex, topic) is not None and not topic.startswith("//")

        self.assertEqual(URLPattern(pattern).matches(topic), expected, (pattern, topic))
