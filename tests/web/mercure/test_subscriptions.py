"""
The active subscriptions: their resource, and the events that tell about them.
"""

from typing import Any
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory
from tests.support.http import Answer, Caller, Served
from tests.web.mercure.served import GRANTS, HUB, ServedMercure, as_user
from twisted_sse.broker.connections.grant import Grant

__all__ = ["CollectionTests", "EventTests"]

ALL = f"{HUB}/subscriptions"


class EventTests(SynchronousTestCase):
    """
    An event when a subscription begins, and another when it ends.
    """

    def _watched(self, version: str) -> tuple[ServedMercure, Caller]:
        served = ServedMercure(subscriptions=True, protocols=[version])
        pattern = {
            "mercure-1.0": "match_urlpattern=" + quote(f"{ALL}/:type/:match/:subscriber"),
            "mercure-0.x": "topic=" + quote(f"{ALL}/{{topic}}/{{subscriber}}"),
        }[version]
        watching = served.subscribe(pattern, "reader")
        return served, watching

    def _events(self, watching: Caller) -> list[tuple[str | None, Any]]:
        events = [event for event in watching.answer.events if event.data is not None]
        # The first one tells of the watching subscription itself.
        return [(event.event, event.json()) for event in events[1:]]

    def test_new_version(self) -> None:
        """
        In version 1.0 the events are typed, and tell the type of the matcher.
        """
        served, watching = self._watched("mercure-1.0")
        stream = served.subscribe("match=a%20b/%C3%A9", "nobody")
        stream.leave()
        served.clock.advance(0)

        (began_type, began), (ended_type, ended) = self._events(watching)
        self.assertEqual((began_type, ended_type), ("mercure", "mercure"))
        subscriber = began["subscriber"]
        path = f"{ALL}/exact/a%20b%2F%C3%A9/{quote(subscriber, safe='')}"
        expected = {
            "id": path,
            "type": "subscription",
            "match_type": "exact",
            "match": "a b/é",
            "subscriber": subscriber,
        }
        self.assertEqual(began, {**expected, "active": True})
        self.assertEqual(ended, {**expected, "active": False})
        self.assertRegex(subscriber, r"^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-")

    def test_old_version(self) -> None:
        """
        In version 0.x the events have no type, and are JSON-LD.
        """
        served, watching = self._watched("mercure-0.x")
        served.subscribe("topic=" + quote("a/{b}"))

        ((event_type, began),) = self._events(watching)
        self.assertIsNone(event_type)
        subscriber = began["subscriber"]
        self.assertEqual(
            began,
            {
                "@context": "https://mercure.rocks/",
                "id": f"{ALL}/a%2F%7Bb%7D/{quote(subscriber, safe='')}",
                "type": "Subscription",
                "topic": "a/{b}",
                "subscriber": subscriber,
                "active": True,
            },
        )

    def test_several(self) -> None:
        """
        There is one event for each matcher, with the same subscriber.
        """
        served, watching = self._watched("mercure-1.0")
        served.subscribe("match=a&match=a&match=b&match_urlpattern=/a")

        began = [document for _, document in self._events(watching)]
        self.assertEqual(
            [(one["match_type"], one["match"]) for one in began],
            [("exact", "a"), ("exact", "b"), ("urlpattern", "/a")],
        )
        self.assertEqual(len({one["subscriber"] for one in began}), 1)

    def test_both_versions(self) -> None:
        """
        A hub that speaks both publishes each event in both.
        """
        served = ServedMercure(subscriptions=True)
        watching = served.subscribe("topic=*", "reader")
        served.subscribe("topic=a")

        events = [one for one in watching.answer.events if one.data is not None][2:]
        self.assertEqual([one.event for one in events], [None, "mercure"])

    def test_private(self) -> None:
        """
        Only subscribers with a grant are told.
        """
        served = ServedMercure(subscriptions=True)
        watching = served.subscribe("topic=*", "nobody")
        served.subscribe("topic=a")

        self.assertEqual([one for one in watching.answer.events if one.data is not None], [])

    def test_payload(self) -> None:
        """
        The payload is that of the first selectors which select the matcher.
        """
        payloads = [(["a"], {"name": "Alice"}), (["*"], "other")]
        served = Served(
            authorize=lambda request: Grant(subscribe=["*"], public=True, payloads=payloads),
            mercure={"subscriptions": True, "protocols": ["mercure-1.0"]},
        )
        caller = served.call("GET", f"{HUB}?match=a&match=b")
        caller.read_on()
        served.clock.advance(0)
        members = served.get(ALL).json["subscriptions"]

        self.assertEqual([one["payload"] for one in members], [{"name": "Alice"}, "other"])

    def test_other_resources(self) -> None:
        """
        Streams of other resources are not told.
        """
        served, watching = self._watched("mercure-1.0")
        other = served.call("GET", "/events?topic=a")
        other.read_on()
        other.leave()
        served.clock.advance(0)

        self.assertEqual(self._events(watching), [])

    def test_never_begun(self) -> None:
        """
        A stream that ends before it has begun is not told.
        """
        served, watching = self._watched("mercure-1.0")
        served.call("GET", f"{HUB}?match=").leave()
        served.clock.advance(0)

        self.assertEqual(self._events(watching), [])

    def test_too_long(self) -> None:
        """
        A matcher whose path would be too long for a topic is refused.
        """
        served = ServedMercure(subscriptions=True)

        self.assertEqual(served.get(f"{HUB}?match={'a' * 4000}").status, 200)
        self.assertEqual(served.get(f"{HUB}?match={quote('é' * 1000)}").status, 400)

    def test_outage(self) -> None:
        """
        While history is not available, streams begin and end without being told.
        """
        served = Served(AbsentHistory(), mercure={"subscriptions": True})
        caller = served.call("GET", f"{HUB}?match=a")
        caller.read_on()
        served.clock.advance(0)
        caller.leave()

        self.assertEqual(caller.answer.status, 200)
        self.assertEqual(len(served.hub.connections), 0)


class CollectionTests(SynchronousTestCase):
    """
    The resource of the active subscriptions.
    """

    def setUp(self) -> None:
        """
        Open two streams.
        """
        self.served = ServedMercure(subscriptions=True)
        self.served.subscribe("match=a&match_urlpattern=/a/:b", "nobody")
        self.second = self.served.subscribe("topic=" + quote("c/{d}"))

    def get(self, path: str = ALL, user: str | None = "reader", **headers: str) -> Answer:
        """
        Send a ``GET``.
        """
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.served.get(path, given if user is None else as_user(user, given))

    def test_new_version(self) -> None:
        """
        ``application/json`` is the document of version 1.0.
        """
        answer = self.get(Accept="application/json")
        document = answer.json
        members = document.pop("subscriptions")

        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(document, {"id": ALL, "type": "subscriptions"})
        self.assertEqual(
            [(one["match_type"], one["match"], one["active"]) for one in members],
            [("exact", "a", True), ("urlpattern", "/a/:b", True), ("uritemplate", "c/{d}", True)],
        )

    def test_old_version(self) -> None:
        """
        Without ``Accept`` it is the document of version 0.x.
        """
        answer = self.get()
        document = answer.json
        members = document.pop("subscriptions")

        self.assertEqual(answer.header("Content-Type"), "application/ld+json")
        self.assertEqual(
            document,
            {
                "@context": "https://mercure.rocks/",
                "id": ALL,
                "type": "Subscriptions",
                "lastEventID": self.served.hub.broker.position.id,
            },
        )
        self.assertEqual([one["topic"] for one in members], ["a", "/a/:b", "c/{d}"])

    def test_only_version(self) -> None:
        """
        A hub that speaks one version has its document.
        """
        for version, kind in (
            ("mercure-0.x", "application/ld+json"),
            ("mercure-1.0", "application/json"),
        ):
            with self.subTest(version=version):
                served = ServedMercure(subscriptions=True, protocols=[version])
                answer = served.get(ALL, as_user("reader"))

                self.assertEqual(answer.header("Content-Type"), kind)

    def test_of_matcher(self) -> None:
        """
        A path below it selects those of one matcher.
        """
        new = self.get(f"{ALL}/urlpattern/%2Fa%2F%3Ab").json
        old = self.get(f"{ALL}/c%2F%7Bd%7D").json

        self.assertEqual(new["id"], f"{ALL}/urlpattern/%2Fa%2F%3Ab")
        self.assertEqual([one["match"] for one in new["subscriptions"]], ["/a/:b"])
        self.assertEqual([one["topic"] for one in old["subscriptions"]], ["c/{d}"])
        self.assertEqual(self.get(f"{ALL}/exact/other").json["subscriptions"], [])

    def test_one(self) -> None:
        """
        The ID of a subscription is the path of its document, while it is active.
        """
        for accept in ("application/json", "application/ld+json"):
            with self.subTest(accept=accept):
                for one in self.get(Accept=accept).json["subscriptions"]:
                    self.assertEqual(self.get(one["id"]).json, one)

        self.second.leave()
        self.served.clock.advance(0)
        self.assertEqual(self.get(one["id"]).status, 404)
        self.assertEqual(len(self.get().json["subscriptions"]), 2)

    def test_bad_paths(self) -> None:
        """
        Bad escapes and unknown types are bad requests, and longer paths do not exist.
        """
        cases = [
            (f"{ALL}/exact/%zz", 400),
            (f"{ALL}/exact/%FF", 400),
            (f"{ALL}/exact/%", 400),
            (f"{ALL}/regexp/a/urn%3Ax", 400),
            (f"{ALL}/exact/a/b/c", 404),
            (f"{ALL}/a/b", 404),
        ]
        for path, status in cases:
            with self.subTest(path=path):
                self.assertEqual(self.get(path).status, status)

    def test_grant(self) -> None:
        """
        The grant must cover the path of the request.
        """
        covering = Grant("some", subscribe=[f"{ALL}/{{type}}/{{match}}"], public=True)
        GRANTS[b"some"] = covering
        self.addCleanup(GRANTS.pop, b"some")

        self.assertEqual(self.get(user=None).status, 401)
        self.assertEqual(self.get(user="nobody").status, 403)
        self.assertEqual(self.get(user="some").status, 403)
        self.assertEqual(self.get(f"{ALL}/exact/a?x=1", "some").status, 200)

    def test_headers(self) -> None:
        """
        The answer says from where to follow what changes.
        """
        newest = self.served.hub.broker.position.id
        new, old = self.get(Accept="application/json"), self.get()

        self.assertEqual(
            new.header("Link"),
            f'<{HUB}>; rel="mercure"; last-event-id="{newest}"; type="mercure";'
            ' content-type="application/json"',
        )
        self.assertEqual(
            old.header("Link"),
            f'<{HUB}>; rel="mercure"; last-event-id="{newest}"; content-type="application/ld+json"',
        )
        self.assertEqual(new.header("ETag"), f'"{newest}"')
        self.assertEqual(new.header("Cache-Control"), "must-revalidate")

    def test_not_modified(self) -> None:
        """
        A client that has the newest document is not sent it again.
        """
        etag = str(self.get().header("ETag"))
        same = self.get(If_None_Match=etag)
        self.served.publish("x")
        other = self.get(If_None_Match=etag)

        self.assertEqual((same.status, same.body), (304, b""))
        self.assertEqual(other.status, 200)

    def test_etag_encoded(self) -> None:
        """
        An ID that a publisher chose is percent-encoded where a tag could not have it.
        """
        self.served.publish("x", id='a "%é')
        answer = self.get()

        self.assertEqual(answer.header("ETag"), '"a%20%22%25%C3%A9"')
        self.assertEqual(answer.json["lastEventID"], 'a "%é')

    def test_methods(self) -> None:
        """
        It can only be read.
        """
        self.assertEqual(self.served.call("POST", ALL, as_user("all")).answer.status, 405)
        head = self.served.call("HEAD", ALL, as_user("reader")).answer

        self.assertEqual((head.status, head.body), (200, b""))

    def test_many(self) -> None:
        """
        A long document is made in several turns of the reactor.
        """
        query = "&".join(f"match={number}" for number in range(100))
        for _ in range(11):
            self.served.subscribe(query)
        caller = self.served.call("GET", ALL, as_user("reader"))
        for _ in range(5):
            self.served.clock.advance(0)

        self.assertEqual(len(caller.answer.json["subscriptions"]), 1103)
