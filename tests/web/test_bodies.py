"""
Parsing publishing requests: a form, JSON, one JSON object per line.
"""

import json
from collections.abc import Callable
from urllib.parse import quote_plus, urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import InvalidEvent, InvalidTopic
from twisted_sse.events.event import MAX_RETRY, ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.web.bodies import from_form, from_json, from_ndjson
from twisted_sse.web.problem import Problem

REFUSALS = (Problem, InvalidEvent, InvalidTopic)

# No lone surrogates: UTF-8 cannot express them.  No CR: data arrives with LF.
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


def one(body: object) -> Publication:
    """
    Encode *body* as JSON, and parse it as one publication.
    """
    publication = from_json(json.dumps(body).encode())
    assert isinstance(publication, Publication)
    return publication


class FormFieldTests(SynchronousTestCase):
    """
    The fields of ``application/x-www-form-urlencoded``.
    """

    GOOD = [
        (b"topic=a&data=x", Publication(("a",), ServerSentEvent("x"))),
        (b"topic=a&data=", Publication(("a",), ServerSentEvent(""))),
        (b"topic=a&topic=b&data=x", Publication(("a", "b"), ServerSentEvent("x"))),
        (b"topic=a&data=x&type=t", Publication(("a",), ServerSentEvent("x", event="t"))),
        (b"topic=a&data=x&event=t", Publication(("a",), ServerSentEvent("x", event="t"))),
        (b"topic=a&event=e&type=t&data=", Publication(("a",), ServerSentEvent("", event="t"))),
        (b"topic=a&id=7&data=", Publication(("a",), ServerSentEvent("", id="7"))),
        (b"topic=a&retry=0&data=", Publication(("a",), ServerSentEvent("", retry=0))),
        (b"topic=a&retry=2500&data=", Publication(("a",), ServerSentEvent("", retry=2500))),
        (b"topic=a&private=on&data=", Publication(("a",), ServerSentEvent(""), True)),
        (b"topic=a&private=1&data=", Publication(("a",), ServerSentEvent(""), True)),
        (b"topic=a&type=&event=&id=&retry=&data=", Publication(("a",), ServerSentEvent(""))),
        (b"topic=a&type=&event=t&data=", Publication(("a",), ServerSentEvent("", event="t"))),
        (b"topic=a&color=red&flag&data=", Publication(("a",), ServerSentEvent(""))),
        (b"topic=a&data=x;y&id=1;2", Publication(("a",), ServerSentEvent("x;y", id="1;2"))),
        (b"topic=a;b&data=x", Publication(("a;b",), ServerSentEvent("x"))),
        (b"topic=a&data=x%3By%26z", Publication(("a",), ServerSentEvent("x;y&z"))),
        (b"topic=a&data=1+%2B+1", Publication(("a",), ServerSentEvent("1 + 1"))),
        (b"topic=a&data=gr%C3%BC%C3%9Fe", Publication(("a",), ServerSentEvent("grüße"))),
        ("topic=a&data=grüße".encode(), Publication(("a",), ServerSentEvent("grüße"))),
        (b"topic=a&data=x%0Ay%0D%0Az", Publication(("a",), ServerSentEvent("x\ny\nz"))),
        (b'topic=a&data={"n":1}', Publication(("a",), ServerSentEvent('{"n":1}'))),
        (b"topic=a&end=done", Publication.ending("a", "done")),
        (b"topic=a&topic=b&end=failed&id=7", Publication.ending(["a", "b"], "failed", id="7")),
        (b"topic=a&end=&data=x", Publication(("a",), ServerSentEvent("x"))),
        (
            b"topic=a&data=x&type=t&end=cancelled&private=yes",
            Publication(("a",), ServerSentEvent("x", event="t"), True, "cancelled"),
        ),
        (b"topic=a&end=done&data=", Publication(("a",), ServerSentEvent(""), False, "done")),
        (b"topic=a&data=x&send=1&bend=2", Publication(("a",), ServerSentEvent("x"))),
    ]

    def test_good(self) -> None:
        """
        Every field is parsed; unknown and empty fields are ignored.
        """
        for body, expected in self.GOOD:
            with self.subTest(body=body):
                self.assertEqual(from_form(body), expected)


class FormTests(SynchronousTestCase):
    """
    ``application/x-www-form-urlencoded``.
    """

    GOOD = [
        (b"topic=a&data=", Publication(("a",), ServerSentEvent(""))),
        (b"topic=a&data=x&private=yes", Publication(("a",), ServerSentEvent("x"), True)),
        (b"topic=a&data=x&private=on", Publication(("a",), ServerSentEvent("x"), True)),
        (b"topic=a&data=x&private=TRUE", Publication(("a",), ServerSentEvent("x"), True)),
        (b"topic=a&data=x&private=1", Publication(("a",), ServerSentEvent("x"), True)),
        (b"topic=a&data=x&private=no", Publication(("a",), ServerSentEvent("x"))),
        (b"topic=a&data=x&private=off", Publication(("a",), ServerSentEvent("x"))),
        (b"topic=a&data=x&private=false", Publication(("a",), ServerSentEvent("x"))),
        (b"topic=a&data=x&private=0", Publication(("a",), ServerSentEvent("x"))),
        # A checkbox after a hidden field of the same name.
        (b"topic=a&data=x&private=0&private=1", Publication(("a",), ServerSentEvent("x"), True)),
        (
            b"topic=a&data=x&csrf=1&submit&date=1&time=2&sid=3",
            Publication(("a",), ServerSentEvent("x")),
        ),
    ]

    BAD = [
        b"",
        b"data=x",
        b"topic=",
        b"topic=*",
        b"topic=a%00",
        b"topic=a&data=%FF",
        b"topic=a&data=\xff",
        b"topic=a",
        b"topic=a&end=",
        b"topic=a&end=over",
        b"topic=a&end=interrupted",
        b"topic=a&private=maybe&data=x",
        b"topic=a&private=&data=x",
        b"topic=a&private&data=x",
        b"topic=a&data=x&id=earliest",
        b"topic=a&data=x&id=+7",
        b"topic=a&data=x&id=7%0A8",
        b"topic=a&data=x&id=7%00",
        b"topic=a&data=x&type=x%0Ay",
        b"topic=a&data=x&retry=-1",
        b"topic=a&data=x&retry=1.5",
        b"topic=a&data=x&retry=soon",
        b"topic=a&data=x&retry=+1",
        b"topic=a&data=x&retry=%D9%A3",
        b"topic=a&data=x&retry=2147483648",
        b"topic=a&data=x&retry=" + b"9" * 5000,
    ]

    # What is written, and the field that is meant.
    MISSPELLED = [
        (b"topic=a&dta=x", "data"),
        (b"topic=a&Data=x", "data"),
        (b"topic=a&data=x&pirvate=yes", "private"),
        (b"topic=a&data=x&privat", "private"),
        (b"topics=a&data=x", "topic"),
        (b"topic=a&data=x&evnt=e", "event"),
        (b"topic=a&data=x&types=e", "type"),
        (b"topic=a&data=x&retyr=1", "retry"),
    ]

    def test_good(self) -> None:
        """
        Data may be empty, private is yes or no, and the fields of a page are ignored.
        """
        for body, expected in self.GOOD:
            with self.subTest(body=body):
                self.assertEqual(from_form(body), expected)

    def test_misspelled(self) -> None:
        """
        A field that looks like a known one is refused, and the sentence says which one.
        """
        for body, meant in self.MISSPELLED:
            with self.subTest(body=body):
                problem = self.assertRaises(Problem, from_form, body)

                self.assertIn(f"did you mean {meant!r}?", str(problem))

    def test_bounded(self) -> None:
        """
        Names are compared only if they are few and short.
        """
        many = "&".join(f"field{number}=" for number in range(101))
        problem = self.assertRaises(Problem, from_form, f"topic=a&data=x&{many}".encode())
        long = from_form(b"topic=a&data=x&" + b"private" * 100_000)

        self.assertIn("more than 100 fields", str(problem))
        self.assertEqual(long, Publication(("a",), ServerSentEvent("x")))

    def test_no_data(self) -> None:
        """
        A form without data is no empty event.
        """
        problem = self.assertRaises(Problem, from_form, b"topic=a&message=x")

        self.assertEqual(problem.status, 400)
        self.assertIn("send data=TEXT", str(problem))

    def test_bad(self) -> None:
        """
        A form that cannot be published is refused with a sentence.
        """
        for body in self.BAD:
            with self.subTest(body=body[:40]):
                with self.assertRaises(REFUSALS) as caught:
                    from_form(body)

                self.assertTrue(str(caught.exception).endswith("."))

    def test_missing_topic(self) -> None:
        """
        Without a topic, the error says so.
        """
        with self.assertRaises(InvalidTopic) as caught:
            from_form(b"data=x")

        self.assertIn("topic", str(caught.exception))

    @settings(derandomize=True, max_examples=100)
    @given(data=_TEXT)
    def test_any_data(self, data: str) -> None:
        """
        Data survives the encoding as a form.
        """
        by_urlencode = from_form(urlencode({"topic": "a", "data": data}).encode())
        by_quote = from_form(f"topic=a&data={quote_plus(data)}".encode())

        self.assertEqual(by_urlencode.event.data, data)
        self.assertEqual(by_quote.event.data, data)


class JSONTests(SynchronousTestCase):
    """
    ``application/json``.
    """

    DATA: list[tuple[object, str]] = [
        ("hello", "hello"),
        ("", ""),
        ('{"a":1}', '{"a":1}'),
        ("a\r\nb", "a\nb"),
        ("grüße 日本 \u2028", "grüße 日本 \u2028"),
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (-1.5, "-1.5"),
        (10**300, "1" + "0" * 300),
        ([], "[]"),
        ({"a": [1, {"b": None}], "ü": "x\ny"}, '{"a":[1,{"b":null}],"ü":"x\\ny"}'),
    ]

    def test_object(self) -> None:
        """
        Every key of an object is parsed.
        """
        publication = one(
            {"topic": "a", "data": "x", "event": "t", "id": "7", "retry": 9, "private": True}
        )

        self.assertEqual(
            publication, Publication(("a",), ServerSentEvent("x", event="t", id="7", retry=9), True)
        )

    def test_topics(self) -> None:
        """
        ``topic`` is a string, or an array of strings.
        """
        self.assertEqual(one({"topic": "a"}).topics, ("a",))
        self.assertEqual(one({"topic": ["a", "b"]}).topics, ("a", "b"))

    def test_defaults(self) -> None:
        """
        All keys except ``topic`` are optional, and null is the same as omitting them.
        """
        plain = Publication(("a",), ServerSentEvent(""))

        self.assertEqual(one({"topic": "a"}), plain)
        self.assertEqual(one({"topic": "a", "event": None, "id": None, "retry": None}), plain)

    def test_data(self) -> None:
        """
        A string is the data; any other value is encoded as compact JSON.
        """
        for value, expected in self.DATA:
            with self.subTest(value=value):
                self.assertEqual(one({"topic": "a", "data": value}).event.data, expected)

    def test_end(self) -> None:
        """
        ``end`` makes it the last one of its topics; without an event it is a control event.
        """
        cases = [
            ({"end": "done"}, Publication.ending("a", "done")),
            ({"end": "failed", "id": "7"}, Publication.ending("a", "failed", id="7")),
            (
                {"end": "cancelled", "private": True},
                Publication.ending("a", "cancelled", private=True),
            ),
            (
                {"end": "done", "data": None},
                Publication(("a",), ServerSentEvent("null"), False, "done"),
            ),
            (
                {"end": "done", "event": "t"},
                Publication(("a",), ServerSentEvent("", event="t"), False, "done"),
            ),
            ({"end": None}, Publication(("a",), ServerSentEvent(""))),
        ]
        for members, expected in cases:
            with self.subTest(members=members):
                self.assertEqual(one({"topic": "a", **members}), expected)

    def test_array(self) -> None:
        """
        An array contains publications in order, and may be empty.
        """
        publications = from_json(b'[{"topic": "a", "data": 1}, {"topic": "b", "data": 2}]')

        self.assertEqual(
            publications,
            [Publication(("a",), ServerSentEvent("1")), Publication(("b",), ServerSentEvent("2"))],
        )
        self.assertEqual(from_json(b"[]"), [])

    def test_white_space(self) -> None:
        """
        White space around a value is ignored.
        """
        self.assertEqual(from_json(b' \r\n{"topic": "a"}\n'), one({"topic": "a"}))


class BadJSONTests(SynchronousTestCase):
    """
    400, with a sentence that says what to do.
    """

    CASES = [
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b"{'topic': 'a'}", "not JSON"),
        (b'{"topic": "a"', "not JSON"),
        (b'{"topic": "a"} {"topic": "b"}', "not JSON"),
        (b'{"topic": "a", "data": "\xff"}', "not JSON"),
        (b'{"topic": "a", "data": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"1", "Send an object"),
        (b"null", "Send an object"),
        (b'"topic"', "Send an object"),
        (b"{}", "'topic'"),
        (b'{"data": "x"}', "'topic'"),
        (b'{"topic": null}', "'topic'"),
        (b'{"topic": 1}', "'topic'"),
        (b'{"topic": ["a", 1]}', "'topic'"),
        (b'{"topic": {"a": 1}}', "'topic'"),
        (b'{"topic": []}', "topic"),
        (b'{"topic": ""}', "empty"),
        (b'{"topic": "*"}', "*"),
        (b'{"topic": "\\ud800"}', "surrogate"),
        (b'{"topic": "a", "type": "t"}', "'type'"),
        (b'{"topic": "a", "Data": "x"}', "'Data'"),
        (b'{"topic": "a", "private": "yes"}', "'private'"),
        (b'{"topic": "a", "private": 1}', "'private'"),
        (b'{"topic": "a", "data": NaN}', "JSON"),
        (b'{"topic": "a", "data": [-Infinity]}', "JSON"),
        (b'{"topic": "a", "data": 1e999}', "JSON"),
        (b'{"topic": "a", "data": "\\udfff"}', "surrogate"),
        (b'{"topic": "a", "data": {"a": "\\ud800"}}', "surrogate"),
        (b'{"topic": "a", "event": 1}', "event"),
        (b'{"topic": "a", "event": "x\\ny"}', "event"),
        (b'{"topic": "a", "id": 7}', "id"),
        (b'{"topic": "a", "id": ""}', "id"),
        (b'{"topic": "a", "id": "earliest"}', "earliest"),
        (b'{"topic": "a", "retry": "9"}', "retry"),
        (b'{"topic": "a", "retry": true}', "retry"),
        (b'{"topic": "a", "retry": 1.5}', "retry"),
        (b'{"topic": "a", "retry": -1}', "retry"),
        (b'{"topic": "a", "retry": %d}' % (MAX_RETRY + 1), "retry"),
        (b'{"topic": "a", "retry": NaN}', "retry"),
    ]

    def _detail(self, read: Callable[[bytes], object], body: bytes) -> str:
        with self.assertRaises(Problem) as caught:
            read(body)
        self.assertEqual(caught.exception.status, 400)
        detail: str = caught.exception.detail
        return detail

    def test_refused(self) -> None:
        """
        Each body is refused, and the sentence names what is wrong.
        """
        for body, hint in self.CASES:
            with self.subTest(body=body[:60]):
                detail = self._detail(from_json, body)

                self.assertIn(hint, detail)

    def test_known_keys(self) -> None:
        """
        If a key is unknown, the sentence lists the known ones.
        """
        detail = self._detail(from_json, b'{"topics": "a"}')

        self.assertIn("data, end, event, id, private, retry, topic", detail)

    def test_number_in_array(self) -> None:
        """
        The sentence names the wrong entry, counted from 1.
        """
        for entry in (b"[]", b"{}", b'{"topic": "a", "color": 1}', b'{"topic": "a", "id": ""}'):
            with self.subTest(entry=entry):
                detail = self._detail(from_json, b'[{"topic": "a"}, ' + entry + b"]")

                self.assertTrue(detail.startswith("Entry 2 of the array: "), detail)

    def test_number_of_line(self) -> None:
        """
        The sentence names the wrong line, counted from 1, empty lines included.
        """
        for line in (b"[]", b"{}", b"{", b'{"topic": "a", "retry": -1}', b"\xff", b"[" * 100_000):
            with self.subTest(line=line[:40]):
                detail = self._detail(from_ndjson, b'{"topic": "a"}\n\n' + line + b"\n")

                self.assertTrue(detail.startswith("Line 3: "), detail)


class LinesTests(SynchronousTestCase):
    """
    ``application/x-ndjson``.
    """

    def test_lines(self) -> None:
        """
        Each line is a publication; lines end with LF or CR LF, which the last may lack.
        """
        expected = [one({"topic": "a", "data": 1}), one({"topic": "b", "data": "2"})]
        for end in (b"\n", b"\r\n"):
            for last in (b"", end, end + end):
                with self.subTest(end=end, last=last):
                    body = end.join([b'{"topic":"a","data":1}', b'{"topic":"b","data":"2"}'])

                    self.assertEqual(from_ndjson(body + last), expected)

    def test_nothing(self) -> None:
        """
        A body of empty lines contains no publications.
        """
        for body in (b"", b"\n", b"\r\n  \n"):
            with self.subTest(body=body):
                self.assertEqual(from_ndjson(body), [])

    def test_line_separator(self) -> None:
        """
        U+2028 in data does not end a line.
        """
        (publication,) = from_ndjson('{"topic":"a","data":"x\u2028y\u0085z"}'.encode())

        self.assertEqual(publication.event.data, "x\u2028y\u0085z")
