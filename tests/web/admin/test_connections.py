"""
``/connections``: what is listed, in which order; and closing a connection.
"""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.sinks import MemorySink
from tests.web.admin.served import LOCAL, ServedAdmin
from twisted_sse.broker.connections.endreason import EndReason

__all__ = ["CloseTests", "FilterTests", "RefusedTests", "RowTests", "SortTests"]


class RowTests(SynchronousTestCase):
    """
    What is told of a connection.
    """

    def setUp(self) -> None:
        """
        A hub, and one subscriber.
        """
        self.admin = ServedAdmin()
        self.ada = self.admin.subscribe("news", "rooms/{room}", user="ada")

    def row(self) -> dict[str, Any]:
        """
        Return the only row.
        """
        (row,) = self.admin.look("/connections").json["connections"]
        assert isinstance(row, dict)
        return row

    def test_row(self) -> None:
        """
        A row has who it is, what it asked for, and how far it is.
        """
        (first,) = self.admin.publish("hello")
        self.admin.clock.advance(90)

        row = self.row()

        self.assertEqual(
            {name: row[name] for name in ("user", "address", "port", "topics", "topic_count")},
            {
                "user": "ada",
                "address": "192.0.2.1",
                "port": 50000,
                "topics": ["news", "rooms/{room}"],
                "topic_count": 2,
            },
        )
        self.assertEqual((row["since"], row["seconds"]), ("1970-01-01T00:00:00.000Z", 90))
        self.assertEqual((row["state"], row["lag"], row["events"]), ("live", 0, 1))
        self.assertEqual(row["position"], first)
        self.assertEqual(row["bytes"], self.ada.connection.sent_bytes)

    def test_blocked(self) -> None:
        """
        The row of a reader that takes nothing tells its lag, and what waits for it.
        """
        self.ada.sink.room = 0

        self.admin.publish("one", "two")
        self.admin.publish("three")

        row = self.row()
        self.assertEqual((row["state"], row["lag"]), ("blocked", 1))
        self.assertGreater(row["unsent"], 0)

    def test_protocol(self) -> None:
        """
        It tells the protocol that a browser speaks.
        """
        self.ada.leave()
        self.admin.call("GET", "/events?topic=a", LOCAL)

        self.assertEqual(self.row()["protocol"], "HTTP/1.1")

    def test_many_topics(self) -> None:
        """
        Of many topics, a row has the first ones and their number.
        """
        self.ada.leave()
        self.admin.subscribe(*(f"t{number:02}" for number in range(40)))

        row = self.row()

        self.assertEqual((len(row["topics"]), row["topic_count"]), (20, 40))

    def test_head(self) -> None:
        """
        HEAD is answered with the headers alone, which forbid to keep the answer.
        """
        answer = self.admin.call("HEAD", "/connections", LOCAL).answer

        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")


class FilterTests(SynchronousTestCase):
    """
    Which connections are listed.
    """

    def setUp(self) -> None:
        """
        Three subscribers, one of whom is behind.
        """
        self.admin = ServedAdmin()
        self.admin.subscribe("news", user="ada", host="192.0.2.1")
        self.admin.subscribe("rooms/{room}", user="Bob", host="192.0.2.2")
        self.eve = self.admin.subscribe("*", user="eve", host="2001:db8::1")
        self.eve.sink.room = 0
        self.admin.publish("one", topic="else")
        self.admin.publish("two", topic="else")

    def test_filters(self) -> None:
        """
        Each parameter leaves those that match.
        """
        cases = [
            ("", ["ada", "Bob", "eve"]),
            ("?user=ada", ["ada"]),
            ("?user=bob", []),
            ("?address=192.0.2.2", ["Bob"]),
            ("?topic=news", ["ada", "eve"]),
            ("?topic=rooms/7", ["Bob", "eve"]),
            ("?state=blocked", ["eve"]),
            ("?state=live", ["ada", "Bob"]),
            ("?protocol=HTTP/2", []),
            ("?lag=1", ["eve"]),
            ("?lag=2", []),
            ("?q=BOB", ["Bob"]),
            ("?q=db8", ["eve"]),
            ("?q=room", ["Bob"]),
            ("?q=nobody", []),
            ("?topic=news&user=eve", ["eve"]),
        ]
        for query, expected in cases:
            answer = self.admin.look(f"/connections{query}").json

            users = [row["user"] for row in answer["connections"]]
            self.assertEqual((users, answer["total"]), (expected, len(expected)), query)

    def test_id(self) -> None:
        """
        The name of a connection finds it.
        """
        rows = self.admin.look("/connections").json["connections"]

        self.assertEqual(self.admin.names(f"?q={rows[1]['id']}"), ["Bob"])

    def test_ended(self) -> None:
        """
        A connection that has ended is not listed.
        """
        self.eve.leave()

        self.assertEqual(self.admin.names(), ["ada", "Bob"])


class SortTests(SynchronousTestCase):
    """
    The order of connections, and the part of them that is answered.
    """

    def setUp(self) -> None:
        """
        Four subscribers, the third of whom has been sent more.
        """
        self.admin = ServedAdmin()
        for number, (user, topic) in enumerate(
            [("dora", "b"), ("Ben", "c"), ("ada", "a"), ("carl", "d")]
        ):
            self.admin.subscribe(topic, user=user, host=f"192.0.2.{9 - number}")
            self.admin.clock.advance(1)
        self.admin.publish("hello", topic="a")

    def test_sorts(self) -> None:
        """
        Each column sorts, and a minus reverses it.
        """
        cases = [
            ("id", ["dora", "Ben", "ada", "carl"]),
            ("since", ["dora", "Ben", "ada", "carl"]),
            ("-since", ["carl", "ada", "Ben", "dora"]),
            ("user", ["ada", "Ben", "carl", "dora"]),
            ("address", ["carl", "ada", "Ben", "dora"]),
            ("topics", ["ada", "dora", "Ben", "carl"]),
            ("-events", ["ada", "carl", "Ben", "dora"]),
            ("-bytes", ["ada", "carl", "Ben", "dora"]),
            ("state", ["dora", "Ben", "ada", "carl"]),
            ("protocol", ["dora", "Ben", "ada", "carl"]),
            ("-lag", ["carl", "ada", "Ben", "dora"]),
        ]
        for sort, expected in cases:
            self.assertEqual(self.admin.names(f"?sort={sort}"), expected, sort)

    def test_pages(self) -> None:
        """
        Pages by offset, and pages that begin after a connection, together have everybody.
        """
        rows = self.admin.look("/connections?limit=2").json
        following = f"?after={rows['connections'][-1]['id']}"

        self.assertEqual(rows["total"], 4)
        self.assertEqual(self.admin.names("?limit=2"), ["dora", "Ben"])
        self.assertEqual(self.admin.names("?limit=2&offset=2"), ["ada", "carl"])
        self.assertEqual(self.admin.names("?limit=3&offset=3"), ["carl"])
        self.assertEqual(self.admin.names(following), ["ada", "carl"])

    def test_many(self) -> None:
        """
        Of many connections, the right ones are first.
        """
        admin = ServedAdmin()
        for number in range(1500):
            admin.subscribe("news", user=f"user {number * 7919 % 1500:04}")

        users = admin.names("?sort=user&limit=3&offset=700")

        self.assertEqual(users, ["user 0700", "user 0701", "user 0702"])


class RefusedTests(SynchronousTestCase):
    """
    Queries that cannot be obeyed.
    """

    CASES = [
        ("limit=0x1", "limit is a whole number, at most 1000."),
        ("limit=1001", "limit is a whole number"),
        ("offset=2001", "offset is a whole number, at most 2000."),
        ("lag=-1", "lag is a whole number"),
        ("sort=color", "sort is one of id, since"),
        ("state=asleep", "state is one of opening, live, behind, blocked."),
        ("after=3", "after is the id of a connection"),
        ("after=a-1&sort=user", "after is the id of a connection, and only for sort=id."),
        ("after=a-%C2%B2", "after is the id of a connection"),
        ("color=red", "'color' is unknown here: use q, user"),
        ("user=a&user=b", "'user' is there twice"),
        ("user=%ff", "not percent-encoded UTF-8"),
    ]

    def test_refused(self) -> None:
        """
        Each is answered with 400, and a sentence that says what to write.
        """
        admin = ServedAdmin()
        for query, sentence in self.CASES:
            answer = admin.look(f"/connections?{query}")

            self.assertEqual(answer.status, 400, query)
            self.assertIn(sentence, answer.detail)


class CloseTests(SynchronousTestCase):
    """
    ``DELETE /connections/ID``.
    """

    def setUp(self) -> None:
        """
        A hub, and two subscribers.
        """
        self.admin = ServedAdmin()
        self.ada = self.admin.subscribe("news", user="ada")
        self.bob = self.admin.subscribe("news", user="bob")
        rows = self.admin.look("/connections?user=ada").json["connections"]
        self.target = f"/connections/{rows[0]['id']}"

    def delete(self, body: object = None, **headers: str) -> int:
        """
        Close the connection of ada, and return the status.
        """
        data = b"" if body is None else json.dumps(body).encode()
        return self.admin.call("DELETE", self.target, {**LOCAL, **headers}, data).answer.status

    def test_closed(self) -> None:
        """
        The stream ends in good order, and no other one does.
        """
        self.assertEqual(self.delete(), 204)

        self.assertIs(self.ada.connection.ended, EndReason.CLOSED)
        self.assertTrue(self.ada.sink.finished)
        self.assertIsNone(self.bob.connection.ended)

    def test_final(self) -> None:
        """
        A body is the final event.
        """
        self.assertEqual(self.delete({"data": {"why": "kicked"}, "event": "bye"}), 204)

        final = self.ada.sink.events[-1]
        self.assertEqual((final.event, final.data), ("bye", '{"why": "kicked"}'))

    def test_unknown(self) -> None:
        """
        A connection that has ended is not found, nor is one of another hub.
        """
        self.delete()

        self.assertEqual(self.delete(), 404)
        for name in ("0-1", "nonsense", "%ff"):
            answer = self.admin.call("DELETE", f"/connections/{name}", LOCAL).answer
            self.assertEqual(answer.status, 404, name)

    def test_bad_body(self) -> None:
        """
        A body that is no event is refused, and the stream stays.
        """
        for body in ([], {"event": "bye"}, {"data": "", "id": "1"}, {"data": "", "event": "a\nb"}):
            self.assertEqual(self.delete(body), 400, body)
        answer = self.admin.call("DELETE", self.target, LOCAL, b"{").answer

        self.assertIn("The body is not JSON", answer.detail)
        self.assertIsNone(self.ada.connection.ended)

    def test_other_pages(self) -> None:
        """
        A page of another site cannot close a connection; one of this server can.
        """
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            self.assertEqual(self.delete(**headers), 403, headers)
        self.assertIsNone(self.ada.connection.ended)

        own = {"Origin": "http://localhost:9090", "Sec-Fetch-Site": "same-origin"}
        self.assertEqual(self.delete(**own), 204)

    def test_methods(self) -> None:
        """
        Nothing else can be done to a connection.
        """
        answer = self.admin.look(self.target)

        self.assertEqual((answer.status, answer.header("Allow")), (405, "DELETE, OPTIONS"))

    def test_blocked(self) -> None:
        """
        A connection that takes nothing is closed too.
        """
        sink = MemorySink(room=0)
        carl = self.admin.subscribe("news", user="carl", sink=sink)
        self.admin.publish("hello")
        (row,) = self.admin.look("/connections?user=carl").json["connections"]

        answer = self.admin.call("DELETE", f"/connections/{row['id']}", LOCAL).answer

        self.assertEqual(answer.status, 204)
        self.assertIs(carl.connection.ended, EndReason.CLOSED)
