"""
Limits of users, publishers and addresses, as their answers show them.
"""

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.support.http import Answer, Caller, Served
from twisted_sse import Grant
from twisted_sse.transport.proxies import TrustedProxies
from twisted_sse.transport.refusals import LIMITS
from twisted_sse.web.events import EventsResource

__all__ = ["AddressTests", "PublicationTopicsTests", "PublishRateTests", "SubscriberTests"]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def by_name(request: Request) -> Grant:
    """
    Name the user by a header.
    """
    return Grant(request.getHeader("X-User"), publish=["*"], public=True)


class LimitCase(SynchronousTestCase):
    """
    A hub whose users are known.
    """

    def serve(self, **options: int) -> None:
        """
        Serve a hub.
        """
        self.served = Served(authorize=by_name, **options)
        self.refusals = self.served.hub.broker.refusals

    def follow(self, user: str | None, *headers: tuple[str, str], method: str = "GET") -> Caller:
        """
        Ask for a stream.
        """
        named = [] if user is None else [("X-User", user)]
        return self.served.call(method, "/events?topic=a", [*named, *headers])

    def publish(self, user: str, body: bytes = b"topic=a&data=x", **headers: str) -> Answer:
        """
        Publish.
        """
        given = {**FORM, "X-User": user}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        caller = self.served.call("POST", "/events", given, body)
        self.served.clock.advance(0)
        return caller.answer


class SubscriberTests(LimitCase):
    """
    The limits of streams.
    """

    def test_user(self) -> None:
        """
        One stream too many of a user is refused with 429, counted, and open ones stay.
        """
        self.serve(max_connections_per_user=2)
        streams = [self.follow("ada") for _ in range(2)]
        refused = self.follow("ada").answer

        self.assertEqual(refused.status, 429)
        self.assertEqual(refused.header("Retry-After"), "5")
        self.assertEqual(
            refused.detail, "The limit of 2 connections of one user is reached: close another one."
        )
        self.assertEqual(self.follow("ada", method="HEAD").answer.status, 429)
        self.assertEqual(self.refusals["connections_per_user"], 2)
        self.assertEqual([one.answer.ended for one in streams], [False, False])
        self.assertEqual(self.follow("bob").answer.status, 200)
        self.assertEqual(self.follow(None).answer.status, 200)

        streams[0].leave()
        self.assertEqual(self.follow("ada").answer.status, 200)

    def test_counted(self) -> None:
        """
        The limits of all streams, of an address, and of topics are counted under their names.
        """
        self.serve(max_connections=3, max_connections_per_address=2)
        for _ in range(3):
            self.follow(None)
        self.assertEqual(self.refusals["connections_per_address"], 1)

        self.serve(max_connections=1)
        for _ in range(3):
            self.follow(None)
        self.assertEqual(self.refusals["connections"], 2)

        query = "&".join(f"topic={number}" for number in range(101))
        self.assertEqual(self.served.get(f"/events?{query}").status, 400)
        answer = self.served.call("POST", "/events/subscribe", FORM, (query + "&x" * 50).encode())
        self.assertEqual(answer.answer.status, 400)
        self.assertEqual(self.refusals["topics"], 2)

    def test_no_limit(self) -> None:
        """
        Without a limit of topics, a request may have any number.
        """
        self.serve()
        self.served.serve(EventsResource(self.served.hub.broker, max_topics=None))
        query = "&".join(f"topic={number}" for number in range(1000))

        self.assertEqual(self.served.get(f"/?{query}").status, 200)
        answer = self.served.call("POST", "/subscribe", FORM, query.encode()).answer
        self.assertEqual(answer.status, 200)


class PublishRateTests(LimitCase):
    """
    ``max_publish_rate``.
    """

    def setUp(self) -> None:
        """
        Allow one publication per second, and ten at once.
        """
        self.serve(max_publish_rate=1)

    def use_up(self) -> None:
        """
        Publish as much as is allowed at once.
        """
        for _ in range(10):
            self.assertEqual(self.publish("ada").status, 200)

    def test_refused(self) -> None:
        """
        Above the rate the answer is 429, says when to come back, and nothing is kept.
        """
        self.use_up()
        refused = self.publish("ada")

        self.assertEqual(refused.status, 429)
        self.assertEqual(refused.header("Retry-After"), "1")
        self.assertEqual(refused.header("Publication-Kept"), "no")
        self.assertIn("The limit of 1 publications per second", refused.detail)
        self.assertEqual(self.refusals["publish_rate"], 1)
        self.assertEqual(self.served.hub.broker.position.number, 10)

    def test_others(self) -> None:
        """
        Other publishers, and the application itself, are not concerned.
        """
        self.use_up()

        self.assertEqual(self.publish("bob").status, 200)
        published = self.served.hub.publish("a", "x")
        self.served.clock.advance(0)
        self.successResultOf(published)

    def test_retry_after(self) -> None:
        """
        After the seconds that the answer names, a publication is taken.
        """
        batch = b"\n".join([b'{"topic": "a", "data": "x"}'] * 30)
        ndjson = {"Content_Type": "application/x-ndjson"}
        self.assertEqual(self.publish("ada", batch, **ndjson).status, 200)
        refused = self.publish("ada")
        wait = int(refused.header("Retry-After") or 0)
        self.assertEqual(wait, 20)

        self.served.clock.advance(wait + 0.1)
        self.assertEqual(self.publish("ada").status, 200)

    def test_repeats(self) -> None:
        """
        A repeat is answered as before, and does not count.
        """
        first = self.publish("ada", Idempotency_Key="k")
        for _ in range(30):
            self.assertEqual(self.publish("ada", Idempotency_Key="k").body, first.body)
        for _ in range(9):
            self.assertEqual(self.publish("ada").status, 200)
        self.assertEqual(self.publish("ada").status, 429)

        self.assertEqual(self.publish("ada", Idempotency_Key="k").body, first.body)

    def test_refused_with_key(self) -> None:
        """
        A request that was refused is taken when it is repeated later.
        """
        self.use_up()
        self.assertEqual(self.publish("ada", Idempotency_Key="k").status, 429)
        self.served.clock.advance(1.1)

        self.assertEqual(self.publish("ada", Idempotency_Key="k").status, 200)

    def test_credentials(self) -> None:
        """
        Publishers without a user are told apart by their tokens.
        """
        self.served = Served(
            authorize=lambda request: Grant(publish=["*"], public=True), max_publish_rate=1
        )
        for _ in range(10):
            self.publish("", Authorization="Bearer a")

        for same in ("Bearer a", "bearer a", "Bearer   a "):
            self.assertEqual(self.publish("", Authorization=same).status, 429)
        self.assertEqual(self.publish("", Authorization="Bearer b").status, 200)

    def test_forbidden(self) -> None:
        """
        Requests without permission are not counted for anybody.
        """
        self.served = Served(max_publish_rate=1)
        for _ in range(20):
            self.assertEqual(self.publish("ada").status, 401)

        rate = self.served.hub.broker.publish_rate
        assert rate is not None
        self.assertEqual(len(rate._publishers), 0)


class PublicationTopicsTests(LimitCase):
    """
    ``max_publication_topics``.
    """

    def topics(self, count: int) -> bytes:
        """
        A publication with this number of topics.
        """
        return b"data=x&" + b"&".join(b"topic=%d" % number for number in range(count))

    def test_limit(self) -> None:
        """
        One topic too many is refused with a sentence, and counted.
        """
        self.serve()
        resource = EventsResource(
            self.served.hub.broker, authorize=by_name, max_publication_topics=2
        )
        root = self.served.site.resource
        root.putChild(b"events", resource)
        self.assertEqual(self.publish("ada", self.topics(2)).status, 200)
        refused = self.publish("ada", self.topics(3))

        self.assertEqual(refused.status, 400)
        self.assertEqual(refused.detail, "Too many topics are given: give at most 2.")
        self.assertEqual(self.refusals["publication_topics"], 1)

    def test_always(self) -> None:
        """
        No event has more than a hundred.
        """
        self.serve()
        self.assertEqual(self.publish("ada", self.topics(100)).status, 200)

        self.assertEqual(self.publish("ada", self.topics(101)).status, 400)
        self.assertEqual(self.refusals["publication_topics"], 1)


class AddressTests(LimitCase):
    """
    Clients behind trusted proxies.
    """

    # The address of connections in memory.
    PROXY = "192.168.1.1"

    def test_limit(self) -> None:
        """
        The limit per address counts clients, not their proxy, and connections show them.
        """
        self.serve(max_connections_per_address=1)
        self.served.site.trusted_proxies = TrustedProxies([self.PROXY])
        for number in range(3):
            stream = self.follow(None, ("X-Forwarded-For", f"8.8.8.8, 192.0.2.{number}"))
            self.assertEqual(stream.answer.status, 200)
        self.assertEqual(
            [one.address.host for one in self.served.hub.connections],  # type: ignore[attr-defined]
            ["192.0.2.0", "192.0.2.1", "192.0.2.2"],
        )

        refused = self.follow(None, ("X-Forwarded-For", "9.9.9.9, 192.0.2.1")).answer
        self.assertEqual(refused.status, 429)


class NamesTests(SynchronousTestCase):
    """
    The reserved names.
    """

    def test_counters(self) -> None:
        """
        A hub has a counter for every limit.
        """
        self.assertEqual(dict(Served().hub.broker.refusals), dict.fromkeys(LIMITS, 0))
