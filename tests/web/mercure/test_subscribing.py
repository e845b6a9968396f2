"""
How subscribers ask, and what the headers of their streams tell.
"""

from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.web.mercure.served import FORM, HUB, ServedMercure, as_user

__all__ = ["FormTests", "MatcherTests", "PositionTests"]

NEW = "Mercure-Last-Event-ID"
OLD = "Last-Event-ID"


class MatcherTests(SynchronousTestCase):
    """
    The matchers of both versions.
    """

    def _received(self, query: str, *topics: str, **options: object) -> list[str | None]:
        served = ServedMercure(**options)
        caller = served.call("GET", f"{HUB}?{query}")
        for topic in topics:
            served.publish(topic, topic=topic)
        return [event.data for event in caller.answer.events if event.data is not None]

    def test_exact(self) -> None:
        """
        ``match`` and ``match_exact`` select one topic, even if it has braces.
        """
        topics = ("{id}", "1", "/a/:b", "/a/1")

        self.assertEqual(self._received("match=%7Bid%7D", *topics), ["{id}"])
        self.assertEqual(self._received("match_exact=/a/:b", *topics), ["/a/:b"])

    def test_pattern(self) -> None:
        """
        ``match_urlpattern`` selects by a URL Pattern.
        """
        received = self._received("match_urlpattern=/a/:b", "/a/1", "/a/1/2", "a")

        self.assertEqual(received, ["/a/1"])

    def test_base(self) -> None:
        """
        Paths belong to the hub's public URL.
        """
        topics = ("/a/1", "http://hub.example/a/2", "https://x.example/a/3")
        urls = {"public_urls": ["http://hub.example"]}

        self.assertEqual(self._received("match_urlpattern=/a/:b", *topics), ["/a/1"])
        self.assertEqual(
            self._received("match_urlpattern=/a/:b", *topics, **urls),
            ["/a/1", "http://hub.example/a/2"],
        )

    def test_selector(self) -> None:
        """
        ``topic`` is a name, a URI Template, or a star.
        """
        topics = ("a/1", "b")

        self.assertEqual(self._received("topic=" + quote("a/{n}"), *topics), ["a/1"])
        self.assertEqual(self._received("topic=*", *topics), ["a/1", "b"])

    def test_everything(self) -> None:
        """
        A star is every topic, whatever the type.
        """
        for name in ("match", "match_exact", "match_urlpattern", "topic"):
            with self.subTest(name=name):
                self.assertEqual(self._received(f"{name}=*", "a", "/b"), ["a", "/b"])

    def test_together(self) -> None:
        """
        A request may use the names of both versions.
        """
        query = "topic=a&match=b&match_urlpattern=/c/*"

        self.assertEqual(self._received(query, "a", "b", "/c/d", "e"), ["a", "b", "/c/d"])

    def test_refused(self) -> None:
        """
        Unknown types, bad values, and no matcher at all are refused.
        """
        bad = [
            "",
            "x=1",
            "Topic=a",
            "match",
            "match=",
            "match_regexp=a",
            "MATCH=a",
            "Match_Exact=a",
            "matcher=a",
            "match=a&match_foo=b",
            "match=%00",
            "match=%C2%85",
            "match=%E2%80%8D",
            "match=%FF",
            "match=" + "a" * 4097,
            "match_urlpattern=/(a)",
            "match_urlpattern=a",
            "topic=%7B",
            "&".join(f"match={number}" for number in range(101)),
        ]
        for query in bad:
            with self.subTest(query=query[:40]):
                answer = ServedMercure().get(f"{HUB}?{query}")

                self.assertEqual(answer.status, 400)
                self.assertTrue(answer.detail.endswith("."))

    def test_one_version(self) -> None:
        """
        The names of a version that is not spoken are refused in 1.0, and ignored in 0.x.
        """
        new = ServedMercure(protocols=["mercure-1.0"])
        old = ServedMercure(protocols=["mercure-0.x"])

        self.assertEqual(new.get(f"{HUB}?match=a&topic=b").status, 400)
        self.assertIn("match", new.get(f"{HUB}?topic=b").detail)
        self.assertEqual(old.get(f"{HUB}?topic=a&match=b&match_x=c").status, 200)
        self.assertEqual(old.get(f"{HUB}?match=b").status, 400)


class FormTests(SynchronousTestCase):
    """
    ``QUERY`` with a form.
    """

    def _status(self, content_type: str | None, body: bytes = b"match=a") -> int:
        headers = {} if content_type is None else {"Content-Type": content_type}
        return ServedMercure().call("QUERY", HUB, headers, body).answer.status

    def test_media_type(self) -> None:
        """
        A missing or unreadable type is a bad request, and another one is not supported.
        """
        self.assertEqual(self._status(FORM["Content-Type"] + "; charset=utf-8"), 200)
        for kind in (None, "", "form", "/", "application/"):
            with self.subTest(kind=kind):
                self.assertEqual(self._status(kind), 400)
        for kind in ("application/json", "text/plain"):
            with self.subTest(kind=kind):
                self.assertEqual(self._status(kind), 415)

    def test_too_large(self) -> None:
        """
        A form beyond the limit is answered with 413.
        """
        body = "&".join(f"match={number}{'x' * 3000}" for number in range(30)).encode()

        self.assertEqual(self._status(FORM["Content-Type"], body), 413)

    def test_union(self) -> None:
        """
        The matchers of the URL and of the body count together.
        """
        served = ServedMercure()
        caller = served.call("QUERY", f"{HUB}?match=a", FORM, b"match=b")
        for topic in "abc":
            served.publish(topic, topic=topic)

        data = [event.data for event in caller.answer.events if event.data]
        self.assertEqual(data, ["a", "b"])

    def test_precedence(self) -> None:
        """
        The last event ID of the header precedes that of the URL, and that the one of the body.
        """
        served = ServedMercure()
        ids = served.publish("1", "2", "3", topic="a")
        form = f"match=a&last_event_id={ids[0]}".encode()
        in_url = f"{HUB}?last_event_id={ids[1]}"
        cases = [
            (HUB, FORM, ids[0]),
            (in_url, FORM, ids[1]),
            (in_url, {**FORM, "Last-Event-ID": ids[2]}, ids[2]),
        ]
        for target, headers, expected in cases:
            with self.subTest(expected=expected):
                answer = served.call("QUERY", target, headers, form).answer

                self.assertEqual(answer.header(NEW), expected)


class PositionTests(SynchronousTestCase):
    """
    The headers that tell which event precedes the first one of the stream.
    """

    def _header(self, served: ServedMercure, query: str = "", user: str = "nobody") -> str | None:
        answer = served.get(f"{HUB}?topic=a{query}", as_user(user))
        self.assertEqual(answer.header(NEW), answer.header(OLD))
        return answer.header(NEW)

    def test_empty(self) -> None:
        """
        Nothing precedes the first event of an empty history.
        """
        self.assertEqual(self._header(ServedMercure()), "earliest")

    def test_newest(self) -> None:
        """
        Without a last event ID it is the newest event.
        """
        served = ServedMercure()
        newest = served.publish("x", topic="b")[0]

        self.assertEqual(self._header(served), newest)
        self.assertEqual(self._header(served, "&last_event_id="), newest)

    def test_resumed(self) -> None:
        """
        It is the one that was asked for, if that is known.
        """
        served = ServedMercure()
        first = served.publish("x", topic="a")[0]
        served.publish("y", topic="a")

        self.assertEqual(self._header(served, f"&last_event_id={first}"), first)
        self.assertEqual(self._header(served, f"&lastEventID={first}"), first)

    def test_resumed_before_everything(self) -> None:
        """
        A stream that began when nothing was published resumes without loss.
        """
        served = ServedMercure()
        before = served.get(f"{HUB}?topic=a").events[-1].id
        served.publish("x", topic="a")
        answer = served.get(f"{HUB}?topic=a", {"Last-Event-ID": str(before)})

        self.assertEqual(answer.header(NEW), before)
        self.assertEqual(answer.events[-1].data, "x")

    def test_unknown(self) -> None:
        """
        It is ``earliest`` if the ID is not known, and everything that is kept follows.
        """
        served = ServedMercure()
        served.publish("x", topic="a")
        answer = served.get(f"{HUB}?topic=a&last_event_id=unknown")

        self.assertEqual(answer.header(NEW), "earliest")
        self.assertEqual(answer.events[-1].data, "x")

    def test_earliest(self) -> None:
        """
        It is ``earliest`` if everything was asked for.
        """
        served = ServedMercure()
        served.publish("x", topic="a")

        self.assertEqual(self._header(served, "&last_event_id=earliest"), "earliest")

    def test_hidden(self) -> None:
        """
        It is never the ID of a private event that the subscriber may not read.
        """
        served = ServedMercure()
        served.publish("x", topic="a", id="secret", private=True)

        self.assertNotIn("secret", str(self._header(served)))
        self.assertEqual(self._header(served, "&last_event_id=secret"), "earliest")
        self.assertEqual(self._header(served, user="reader"), "secret")

    def test_one_version(self) -> None:
        """
        Each version has a header of its own.
        """
        for version, present, absent in (("mercure-0.x", OLD, NEW), ("mercure-1.0", NEW, OLD)):
            with self.subTest(version=version):
                name = "topic" if version == "mercure-0.x" else "match"
                answer = ServedMercure(protocols=[version]).get(f"{HUB}?{name}=a")

                self.assertEqual(answer.header(present), "earliest")
                self.assertIsNone(answer.header(absent))

    def test_id_of_other_version(self) -> None:
        """
        A hub that speaks one version does not take the other's name of the last event ID.
        """
        served = ServedMercure(protocols=["mercure-1.0"])
        first = served.publish("x", topic="a")[0]
        second = served.publish("y", topic="a")[0]
        answer = served.get(f"{HUB}?match=a&lastEventID={first}")

        self.assertEqual(answer.header(NEW), second)
