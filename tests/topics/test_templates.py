"""
URI Templates: the topics they select, and invalid templates.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidSelector
from twisted_sse.topics import MAX_SELECTOR_STATES, MAX_SELECTOR_VARIABLES, URITemplate

__all__ = ["URITemplateTests"]


class URITemplateTests(SynchronousTestCase):
    """
    A template selects its expansions.
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

    #: Topics that a template cannot expand to.
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
        An invalid template is refused, and the sentence says why.
        """
        for template, part in self.INVALID.items():
            with self.subTest(template=template), self.assertRaises(InvalidSelector) as caught:
                URITemplate(template)

            self.assertIn(part, str(caught.exception))

    def test_itself(self) -> None:
        """
        A template selects its own text.
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
        Literals match as they are written.
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
        A topic of more different characters than an automaton remembers is matched, too.
        """
        topic = "".join(f"%{byte:02X}{byte:02x}" for byte in range(256))

        for _ in range(3):
            self.assertTrue(URITemplate("{+a}").matches(topic))
        self.assertFalse(URITemplate("{+a}").matches(topic + "%"))
