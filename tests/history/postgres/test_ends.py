"""
Topics that are ended with SQL, and what is published to them afterwards.
"""

from collections.abc import Sequence

import psycopg
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent

from tests.support.following import data_of, publication
from tests.support.postgres_histories import PostgresTestCase
from twisted_sse.errors import TopicEnded
from twisted_sse.events.ending import Outcome
from twisted_sse.events.publication import Publication

__all__ = ["EndTopicsTests", "LateTests", "RefusedEndTests"]


def end(topic: str, outcome: Outcome = "done") -> Publication:
    """
    Make the last publication of a topic.
    """
    return Publication.ending(topic, outcome)


class EndTopicsTests(PostgresTestCase):
    """
    A topic ends when the transaction commits, as if a hub had ended it.
    """

    async def test_control_event(self) -> None:
        """
        Without data, subscribers are sent the control event that a hub sends.
        """
        history = self.open()
        following = await self.follow(history)
        self.sql("SELECT @.end_topics(ARRAY['a', 'b'])")
        self.sql("SELECT @.end_topics(ARRAY['c'], 'failed', private => true, notify => true)")
        await following.has(2)

        self.assertEqual(
            [one.publication for one in following.kept],
            [
                Publication.ending(["a", "b"], "done"),
                Publication.ending("c", "failed", private=True),
            ],
        )
        self.assertEqual(await history.ends(["b", "c", "x"]), following.kept)
        with self.assertRaises(TopicEnded) as caught:
            await history.append([publication("x", "z"), publication("y", "b")])
        self.assertEqual(caught.exception.topics, ("b",))

    async def test_last_event(self) -> None:
        """
        With data, that is the last event.
        """
        history = self.open()
        following = await self.follow(history)
        self.sql("SELECT @.end_topics(ARRAY['a'], data => '7', event => 'result', id => 'last')")
        await following.has(1)

        (record,) = following.kept
        event = record.publication.event
        self.assertEqual((event.data, event.event, record.id), ("7", "result", "last"))
        self.assertEqual(record.publication.outcome, "done")

    async def test_order(self) -> None:
        """
        The end comes after what its transaction has published before, and can be read with SQL.
        """
        history = self.open()
        following = await self.follow(history)
        with self.server.connect() as connection:
            for call in ("publish(ARRAY['a'], '1')", "end_topics(ARRAY['a'], 'cancelled')"):
                connection.execute(f"SELECT {self.schema}.{call}".encode())
        await following.has(2)

        outcomes = [one.publication.outcome for one in following.kept]
        self.assertEqual(outcomes, [None, "cancelled"])
        shown = self.sql("SELECT outcome FROM @.history ORDER BY number")
        self.assertEqual(shown, [(None,), ("cancelled",)])


class RefusedEndTests(PostgresTestCase):
    """
    What cannot be published is refused in the transaction of the publisher.
    """

    CASES = [
        ("ARRAY[]::text[]", "no topic"),
        ("ARRAY['a'], NULL", "the outcome must be done, failed"),
        ("ARRAY['a'], 'over'", "the outcome must be done, failed"),
        ("ARRAY['a'], event => 'x'", "event is given without data"),
        ("ARRAY['a'], data => 'x', event => 'topic-end'", "reserved"),
    ]

    def test_arguments(self) -> None:
        """
        One sentence says what is wrong with an end.
        """
        for arguments, reason in self.CASES:
            with self.subTest(arguments=arguments):
                with self.assertRaisesRegex(psycopg.Error, reason) as caught:
                    self.sql(f"SELECT @.end_topics({arguments})")
                self.assertEqual(caught.exception.sqlstate, "22023")

    async def test_ended(self) -> None:
        """
        Nothing is published to a topic that a hub has ended, until that is forgotten.
        """
        history = self.open(events=1)
        await history.append([end("a")])
        for call in ("publish(ARRAY['b', 'a'], 'x')", "end_topics(ARRAY['a'])"):
            self.refused(call, "the topic a has ended")
        await history.append([publication("x", "b")])
        following = await self.follow(history)
        self.sql("SELECT @.forget(1, 9999, '1 h', 9, 'x', 0)")
        self.sql("SELECT @.publish(ARRAY['a'], 'new')")
        await following.has(1)

        self.assertEqual(following.data, ["new"])
        self.assertEqual(self.sql("SELECT count(*) FROM @.ended"), [(0,)])

    def test_waiting(self) -> None:
        """
        An end that no hub has moved yet counts as well.
        """
        self.sql("SELECT @.end_topics(ARRAY['a', 'b'])")

        self.refused("publish(ARRAY['b'], 'x')", "the topic b has ended")
        self.assertEqual(self.sql("SELECT count(*) FROM @.outbox"), [(1,)])

    def refused(self, call: str, reason: str) -> None:
        """
        Check that *call* is refused because a topic has ended.
        """
        with self.assertRaisesRegex(psycopg.Error, reason) as caught:
            self.sql(f"SELECT @.{call}")
        self.assertEqual(caught.exception.sqlstate, "55000")


class LateTests(PostgresTestCase):
    """
    A topic ends while publications to it wait in the outbox.
    """

    async def test_discarded(self) -> None:
        """
        Those are discarded with a warning, and all others are delivered.
        """
        with self.server.connect() as late, self.server.connect() as other:
            # Both transactions are open before the topic ends.
            for connection, topic in ((late, "a"), (other, "b"), (late, "a"), (late, "c")):
                connection.execute(
                    f"SELECT {self.schema}.publish(ARRAY[%s], %s)".encode(), [topic, topic]
                )
            ending = self.make()
            ending.startService()
            await ending.append([end("a")])
            await ending.stopService()
        with capturedLogs() as events:
            following = await self.follow(self.open())
            await following.has(2)

        self.assertEqual(data_of(following.kept), ["b", "c"])
        (line,) = warnings(events)
        self.assertTrue(line.startswith("Publications with SQL were discarded"), line)
        self.assertTrue(line.endswith(" to be moved: 2"), line)
        self.assertEqual(self.sql("SELECT count(*) FROM @.outbox"), [(0,)])

    async def test_end_overtaken(self) -> None:
        """
        An end from one transaction waits before an event for the same topic from another.
        """
        with self.server.connect() as one:
            one.execute(f"SELECT {self.schema}.end_topics(ARRAY['a'], 'failed')".encode())
            self.sql("SELECT @.publish(ARRAY['x'], 'x')")
            self.sql("SELECT @.publish(ARRAY['a'], 'late')")
        with capturedLogs() as events:
            following = await self.follow(self.open())
            await following.has(2)
        outcomes = [each.publication.outcome for each in following.kept]

        self.assertEqual(outcomes, ["failed", None])
        self.assertEqual(len(warnings(events)), 1)


def warnings(events: Sequence[LogEvent]) -> list[str]:
    """
    Return the warnings that were logged.
    """
    return [formatEvent(one) for one in events if one["log_level"] == LogLevel.warn]
