"""
What subscribers ask for in the URL: topics, and where to resume.
"""

from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Answer, Served

SPELLINGS = ("last_event_id", "lastEventID", "lastEventId", "Last-Event-ID")

# Values that break if they are decoded once too often, or split in the wrong place.
DIFFICULT = (
    "a;b",
    "a&b",
    "a=b",
    "a%3Bb",
    "a+b",
    "a b",
    "a#b",
    "grüße/日本",
    "https://example.com/books/1?edition=2;print=3",
)


class TopicTests(SynchronousTestCase):
    """
    ``?topic=``, once or several times.
    """

    def _data(self, topics_of_query: str, *published: str) -> list[str | None]:
        served = Served()
        caller = served.call("GET", f"/events?{topics_of_query}")
        for topic in published:
            served.publish(topic, topic=topic)
        return [event.data for event in caller.answer.events if event.event is None]

    def test_one(self) -> None:
        """
        A subscriber gets the topics it asks for and nothing else.
        """
        self.assertEqual(self._data("topic=a", "a", "b"), ["a"])

    def test_several(self) -> None:
        """
        Each further parameter adds a topic.
        """
        self.assertEqual(self._data("topic=a&topic=b", "a", "b", "c"), ["a", "b"])

    def test_selectors(self) -> None:
        """
        A star and a URI Template select, as they do everywhere.
        """
        self.assertEqual(self._data("topic=*", "a", "b"), ["a", "b"])
        self.assertEqual(self._data("topic=" + quote("a/{n}"), "a/1", "b/1"), ["a/1"])

    def test_url_patterns(self) -> None:
        """
        ``match_urlpattern`` selects by a URL Pattern, and paths match paths.
        """
        pattern = "match_urlpattern=" + quote("/books/:id", safe="")

        self.assertEqual(self._data(pattern, "/books/1", "/books/:id/x", "/b"), ["/books/1"])
        self.assertEqual(self._data(f"topic=a&{pattern}", "a", "/books/1"), ["a", "/books/1"])

    def test_exact(self) -> None:
        """
        ``match_exact`` selects one topic, even if it has braces.
        """
        self.assertEqual(self._data("match_exact=%7Bn%7D", "1", "{n}"), ["{n}"])

    def test_unknown_parameters(self) -> None:
        """
        Unknown parameters, with and without a value, are ignored.
        """
        self.assertEqual(self._data("flag&cache=1&topic=a&empty=", "a"), ["a"])

    def test_difficult(self) -> None:
        """
        A percent-encoded topic is decoded exactly once.
        """
        for topic in DIFFICULT:
            with self.subTest(topic=topic):
                self.assertEqual(self._data(f"topic={quote(topic, safe='')}", topic), [topic])

    def test_raw_semicolon(self) -> None:
        """
        A semicolon need not be encoded: only ``&`` separates parameters.
        """
        self.assertEqual(self._data("topic=a;b", "a", "a;b"), ["a;b"])


class BadTopicTests(SynchronousTestCase):
    """
    Bad topics get 400, with a sentence that says what to do.
    """

    CASES = [
        ("", "?topic="),
        ("?", "?topic="),
        ("?Topic=a", "?topic="),
        ("?topic", "selector"),
        ("?topic=", "selector"),
        ("?topic=a&topic=", "selector"),
        ("?topic=%7Ba", "not closed"),
        ("?topic=a%00", "U+0000"),
        ("?match_urlpattern=%2F(a)", "not supported here"),
        ("?match_exact=", "selector"),
        ("?topic=%FF", "UTF-8"),
        ("?topic=a&last_event_id=%C3", "UTF-8"),
    ]

    def test_refused(self) -> None:
        """
        A missing topic, a bad selector and bad UTF-8 are refused, and no connection is registered.
        """
        for query, hint in self.CASES:
            with self.subTest(query=query):
                served = Served()
                answer = served.get(f"/events{query}")

                self.assertEqual(answer.status, 400)
                self.assertIn(hint, answer.detail)
                self.assertEqual(len(served.hub.connections), 0)

    def test_head(self) -> None:
        """
        HEAD is refused like GET.
        """
        answer = Served().call("HEAD", "/events").answer

        self.assertEqual(answer.status, 400)

    def test_too_many(self) -> None:
        """
        One topic more than the limit is refused, and the limit is named.
        """
        served = Served(max_topics=2)
        allowed = served.get("/events?topic=a&topic=b")
        refused = served.get("/events?topic=a&topic=b&topic=c")

        self.assertEqual(allowed.status, 200)
        self.assertEqual(refused.status, 400)
        self.assertIn("At most 2 topics", refused.detail)

    def test_default_limit(self) -> None:
        """
        100 topics are allowed by default.
        """
        served = Served()
        served.serve(served.hub.resource())
        query = "&".join(f"topic={number}" for number in range(101))
        allowed = served.get("/?" + query.removesuffix("&topic=100"))
        refused = served.get("/?" + query)

        self.assertEqual((allowed.status, refused.status), (200, 400))


class ResumeTests(SynchronousTestCase):
    """
    Where a returning subscriber resumes.
    """

    def setUp(self) -> None:
        """
        A hub with three events.
        """
        self.served = Served()
        self.ids = self.served.publish("one", "two", "three")

    def _resumed(self, query: str = "", header: str | bytes | None = None) -> Answer:
        headers = {} if header is None else {"Last-Event-ID": header}
        caller = self.served.call("GET", f"/events?topic=news{query}", headers)
        self.served.clock.advance(0)
        return caller.answer

    def _data(self, query: str = "", header: str | bytes | None = None) -> list[str | None]:
        answer = self._resumed(query, header)
        return [event.data for event in answer.events[1:]]

    def test_fresh(self) -> None:
        """
        Without an ID, a subscriber gets no earlier events.
        """
        self.assertEqual(self._data(), [])

    def test_header(self) -> None:
        """
        The header brings the events after its ID.
        """
        self.assertEqual(self._data(header=self.ids[0]), ["two", "three"])

    def test_query(self) -> None:
        """
        So does each spelling in the query.
        """
        for name in SPELLINGS:
            with self.subTest(name=name):
                self.assertEqual(self._data(f"&{name}={self.ids[1]}"), ["three"])

    def test_header_wins(self) -> None:
        """
        The header, which the browser keeps up to date, wins over the query.
        """
        for name in SPELLINGS:
            with self.subTest(name=name):
                data = self._data(f"&{name}={self.ids[0]}", header=self.ids[1])

                self.assertEqual(data, ["three"])

    def test_last_of_several(self) -> None:
        """
        If one spelling is given twice, the last value counts.
        """
        query = f"&lastEventID={self.ids[0]}&lastEventID={self.ids[1]}"

        self.assertEqual(self._data(query), ["three"])

    def test_last_of_spellings(self) -> None:
        """
        If different spellings are given, the last one counts: a polyfill appends its own.
        """
        for first in SPELLINGS:
            for second in SPELLINGS:
                with self.subTest(first=first, second=second):
                    query = f"&{first}={self.ids[0]}&{second}={self.ids[1]}"

                    self.assertEqual(self._data(query), ["three"])

    def test_blank_header(self) -> None:
        """
        A blank header does not hide the query, and a blank parameter does not hide another.
        """
        for header in ("", " ", "\t"):
            self.assertEqual(self._data(f"&last_event_id={self.ids[1]}", header=header), ["three"])
        self.assertEqual(self._data(f"&lastEventID={self.ids[1]}&lastEventId="), ["three"])

    def test_empty(self) -> None:
        """
        An empty ID is ignored.
        """
        answer = self._resumed("&lastEventID=")

        self.assertEqual(answer.header("Last-Event-ID"), self.ids[2])
        self.assertEqual(self._data(header=""), [])

    def test_earliest(self) -> None:
        """
        ``earliest``, as a header or in the query, brings everything kept.
        """
        everything = ["one", "two", "three"]

        self.assertEqual(self._data(header="earliest"), everything)
        for name in SPELLINGS:
            with self.subTest(name=name):
                self.assertEqual(self._data(f"&{name}=earliest"), everything)

    def test_response_header(self) -> None:
        """
        The response header names the starting position: the ID asked for, or the newest.
        """
        fresh = self._resumed()
        resumed = self._resumed(header=self.ids[0])

        self.assertEqual(fresh.header("Last-Event-ID"), self.ids[2])
        self.assertEqual(resumed.header("Last-Event-ID"), self.ids[0])
        self.assertEqual(resumed.events[0].json()["resumed"], True)

    def test_unknown(self) -> None:
        """
        An unknown ID is reported in the stream and in the header; then everything kept follows.
        """
        answer = self._resumed(header="elsewhere-7")
        reset = answer.events[0]

        self.assertEqual(answer.header("Last-Event-ID"), "earliest")
        self.assertEqual(reset.event, "stream-reset")
        told = reset.json()
        self.assertEqual((told["reason"], told["lastEventID"]), ("unknown-id", "elsewhere-7"))
        self.assertEqual([event.data for event in answer.events[1:]], ["one", "two", "three"])

    def test_difficult(self) -> None:
        """
        An ID of any characters works as a header and, percent-encoded, in the query.
        """
        for event_id in DIFFICULT:
            self.served.publish("before", id=event_id)
            self.served.publish("after")
            with self.subTest(id=event_id):
                query = f"&last_event_id={quote(event_id, safe='')}"

                self.assertEqual(self._data(query)[:1], ["after"])
                self.assertEqual(self._data(header=event_id.encode())[:1], ["after"])

    def test_difficult_response_header(self) -> None:
        """
        HTML: "`Last-Event-ID` [...] value, encoded as UTF-8", in our responses as well.
        """
        self.served.publish("before", id="grüße/日本")
        answer = self._resumed()

        self.assertEqual(answer.header("Last-Event-ID"), "grüße/日本")

    def test_raw_semicolon(self) -> None:
        """
        A semicolon in an ID need not be encoded.
        """
        self.served.publish("before", id="a;b")
        self.served.publish("after")

        self.assertEqual(self._data("&last_event_id=a;b"), ["after"])

    def test_not_utf8(self) -> None:
        """
        A header that is not UTF-8 is an unknown ID.
        """
        answer = self._resumed(header=b"\xff\xfe")

        self.assertEqual(answer.events[0].event, "stream-reset")
