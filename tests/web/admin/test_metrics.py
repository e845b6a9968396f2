"""
``/metrics``: every metric, and what makes it move.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.sinks import MemorySink
from tests.web.admin.served import LOCAL, ServedAdmin
from twisted_sse import EventSourceResponse, MemoryHistory
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.selftest import SelfTest
from twisted_sse.web.admin.metrics import METRICS, PREFIX
from twisted_sse.web.admin.sample import Sample, merge_samples

__all__ = ["ExpositionTests", "MergeTests", "MovingTests"]

#: A sample of Prometheus: its name without the prefix, and its label.
Key = tuple[str, str]


def read(admin: ServedAdmin) -> dict[Key, float]:
    """
    Return all numbers of ``/metrics``.
    """
    return dict(_numbers(admin.look("/metrics").body.decode()))


def _numbers(text: str) -> Iterator[tuple[Key, float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            # Only the versions have several labels.
            label = "".join(sample.labels.values())
            yield (sample.name.removeprefix(PREFIX), label), sample.value


class MovingTests(SynchronousTestCase):
    """
    For each metric something that moves it.
    """

    def setUp(self) -> None:
        """
        A hub with a small window and a small history.
        """
        self.history = MemoryHistory(events=6)
        self.admin = ServedAdmin(
            self.history, window_events=2, max_connections=3, keepalive=15.0, send_timeout=None
        )
        self.clock = self.admin.clock

    def assert_moves(self, move: Callable[[], object], *changes: tuple[str, str, float]) -> None:
        """
        Assert that *move* changes metrics.

        Args:
            changes: A metric, its label, and by how much it changes.
        """
        before = read(self.admin)
        move()
        after = read(self.admin)

        for name, label, change in changes:
            moved = after[name, label] - before[name, label]
            self.assertAlmostEqual(moved, change, 6, f"{name} {label}")

    def blocked(self) -> None:
        """
        Leave a reader two events behind.
        """
        self.admin.subscribe("news", sink=MemorySink(0))
        self.admin.publish("one")
        self.admin.publish("two")

    def behind(self) -> None:
        """
        Let a reader come back that has missed the oldest of five events, slice by slice.
        """
        first, *_ = self.admin.publish(*"abcde")
        self.admin.subscribe("news", last_event_id=first)

    def test_connections(self) -> None:
        """
        A stream that opens, and ends.
        """
        changes = (("connections", "live", 1.0), ("connections_opened_total", "unknown", 1.0))
        opened: list[Any] = []
        self.admin.call("GET", "/events?topic=a", LOCAL)
        self.admin.subscribe("b")
        self.assert_moves(lambda: opened.append(self.admin.subscribe("news")), *changes)

        self.clock.advance(7)
        self.assert_moves(
            opened[0].leave,
            ("connections", "live", -1),
            ("connections_closed_total", "gone", 1),
            ("connection_duration_seconds_count", "", 1),
            ("connection_duration_seconds_sum", "", 7),
            ("connection_duration_seconds_bucket", "5.0", 0),
            ("connection_duration_seconds_bucket", "15.0", 1),
        )

    def test_protocols(self) -> None:
        """
        Connections are counted by what they speak.
        """
        self.assert_moves(
            lambda: self.admin.call("GET", "/events?topic=a", LOCAL),
            ("connections_opened_total", "HTTP/1.1", 1),
            ("connections_opened_total", "HTTP/2", 0),
            ("first_byte_seconds_count", "", 1),
        )

    def test_first_byte(self) -> None:
        """
        The time until a stream begins includes that of history.
        """
        slow = SlowHistory(MemoryHistory())
        self.admin = ServedAdmin(slow, window_events=1)

        def resume() -> None:
            self.admin.subscribe("news", last_event_id="unknown-1")
            self.admin.clock.advance(0.3)
            slow.answer_next()

        self.assert_moves(
            resume,
            ("first_byte_seconds_sum", "", 0.3),
            ("first_byte_seconds_bucket", "0.25", 0),
            ("first_byte_seconds_bucket", "0.5", 1),
        )

    def test_closed(self) -> None:
        """
        Connections that end are counted by the reason.
        """
        for reason in EndReason:
            stream = self.admin.subscribe("news")
            self.assert_moves(
                partial(stream.connection.end, reason),
                ("connections_closed_total", reason.value, 1),
            )

    def test_published(self) -> None:
        """
        Two events that are published at once, and sent to two subscribers.
        """
        streams = [self.admin.subscribe("news") for _ in range(2)]
        sizes = [stream.connection.sent_bytes for stream in streams]

        def publish() -> None:
            self.admin.publish("one", "two")

        self.assert_moves(
            publish,
            ("events_published_total", "", 2),
            ("events_delivered_total", "", 4),
            ("publish_to_write_seconds_count", "", 2),
            ("batch_events_sum", "", 2),
            ("batch_events_count", "", 1),
            ("history_append_seconds_count", "", 1),
            ("history_events", "", 2),
        )
        sent = sum(stream.connection.sent_bytes for stream in streams) - sum(sizes)
        self.assertGreater(sent, 0)
        self.assertEqual(read(self.admin)["delivered_bytes_total", ""], sent + sum(sizes))
        self.assertGreater(read(self.admin)["history_bytes", ""], 0)

    def test_ended(self) -> None:
        """
        What a connection was sent that has ended still counts.
        """
        stream = self.admin.subscribe("news")
        self.admin.publish("one")

        self.assert_moves(
            stream.leave, ("events_delivered_total", "", 0), ("delivered_bytes_total", "", 0)
        )

    def test_slow_history(self) -> None:
        """
        Appending, and publishing as a whole, take as long as history does.
        """
        slow = SlowHistory(MemoryHistory())
        self.admin = ServedAdmin(slow)
        self.admin.subscribe("news")

        def publish() -> None:
            self.admin.publish("one")
            self.admin.clock.advance(0.4)
            slow.answer_next()

        self.assert_moves(
            publish,
            ("history_append_seconds_sum", "", 0.4),
            ("publish_to_write_seconds_sum", "", 0.4),
            ("publish_to_write_seconds_bucket", "0.25", 0),
            ("publish_to_write_seconds_bucket", "0.5", 1),
        )

    def test_not_kept(self) -> None:
        """
        Events that history refuses.
        """
        absent = AbsentHistory(away=False)
        self.admin = ServedAdmin(absent)
        self.admin.publish("kept")
        absent.away = True

        def publish() -> None:
            failed: Deferred[Any] = self.admin.hub.publish("news", "lost")
            self.admin.clock.advance(0)
            self.failureResultOf(failed)

        self.assert_moves(
            publish, ("events_not_kept_total", "", 1), ("events_published_total", "", 0)
        )

    def test_replays(self) -> None:
        """
        Missed events come from the window, or from history.
        """
        ids = self.admin.publish(*"abcd")

        self.assert_moves(
            lambda: self.admin.subscribe("news", last_event_id=ids[2]),
            ("replays_total", "window", 1),
            ("replays_total", "history", 0),
            ("history_read_seconds_count", "", 0),
        )
        self.assert_moves(
            lambda: self.admin.subscribe("news", last_event_id=ids[0]),
            ("replays_total", "window", 0),
            ("replays_total", "history", 1),
            ("history_read_seconds_count", "", 1),
        )

    def test_resets(self) -> None:
        """
        An unknown ID, and a reader that is too slow.
        """
        self.assert_moves(
            lambda: self.admin.subscribe("news", last_event_id="unknown-1"),
            ("resets_total", "unknown-id", 1),
        )

        slow = self.admin.subscribe("news", sink=MemorySink(0))
        self.admin.publish("first")
        for data in "abcdefghij":
            self.admin.publish(data)
        assert isinstance(slow.sink, MemorySink)
        self.assert_moves(
            lambda: (slow.sink.make_room(10_000), self.clock.advance(0)),
            ("resets_total", "fell-behind", 1),
        )

    def test_lag(self) -> None:
        """
        A reader that takes nothing falls behind.
        """
        self.assert_moves(
            self.blocked,
            ("connections", "blocked", 1),
            ("lagging_connections", "", 1),
            ("largest_lag_events", "", 1),
        )

    def test_refused(self) -> None:
        """
        What is above a limit is counted by the limit.
        """
        for _ in range(3):
            self.admin.subscribe("news")

        self.assert_moves(
            lambda: self.admin.call("GET", "/events?topic=a", LOCAL),
            ("refused_total", "connections", 1),
            ("refused_total", "topics", 0),
        )

    def test_keepalives(self) -> None:
        """
        Comments follow silence.
        """
        self.admin.subscribe("news")

        self.assert_moves(lambda: self.clock.advance(16), ("keepalives_total", "", 1))

    def test_stalls(self) -> None:
        """
        The reactor is held for longer than a second.
        """
        read(self.admin)

        self.assert_moves(
            lambda: self.clock.advance(1.25),
            ("reactor_stall_seconds_count", "", 1),
            ("reactor_stall_seconds_sum", "", 1),
            ("reactor_stall_seconds_bucket", "0.5", 0),
            ("reactor_stall_seconds_bucket", "1.0", 1),
        )

    def test_self_test(self) -> None:
        """
        An event of the self-test that arrives, and one that does not.
        """
        absent = AbsentHistory(away=False)
        self.admin = ServedAdmin(absent)
        test = SelfTest(self.admin.hub.broker, 10)

        def pass_once() -> None:
            test.startService()
            self.admin.clock.advance(0)

        def fail_once() -> None:
            absent.away = True
            self.admin.clock.advance(10)
            self.admin.clock.advance(0)

        passed, failed = "self_test_seconds_count", "self_test_failures_total"
        self.assert_moves(pass_once, (passed, "", 1), (failed, "", 0))
        self.assert_moves(fail_once, (passed, "", 0), (failed, "", 1))

    def test_responses(self) -> None:
        """
        A stream of a generator.
        """
        pending: Deferred[None] = Deferred()

        async def source() -> Any:
            await pending
            yield "never"

        response = EventSourceResponse(source, hub=self.admin.hub)
        resource = self.admin.site.resource
        resource.putChild(b"generated", response)

        self.assert_moves(lambda: self.admin.call("GET", "/generated", LOCAL), ("responses", "", 1))

    def test_process(self) -> None:
        """
        The process has memory, and its processor time only grows.
        """
        before = read(self.admin)
        spent = 0
        while read(self.admin)["cpu_seconds_total", ""] <= before["cpu_seconds_total", ""]:
            spent += sum(range(10_000))

        self.assertGreater(before["resident_memory_bytes", ""], 10_000_000)
        self.assertEqual(before["processes", ""], 1)

    def test_complete(self) -> None:
        """
        The tests of this class name every metric.
        """
        own = sys.modules[__name__].__file__
        assert own is not None
        with open(own, encoding="utf-8") as file:
            source = file.read()

        missing = [metric.key for metric in METRICS if f'"{metric.key}' not in source]
        self.assertEqual(missing, [])


class ExpositionTests(SynchronousTestCase):
    """
    The format.
    """

    def test_names(self) -> None:
        """
        Every metric is told, with its help and its type.
        """
        text = ServedAdmin().look("/metrics").body.decode()

        for metric in METRICS:
            self.assertIn(f"# HELP {metric.name} {metric.help}", text)
            self.assertIn(f"# TYPE {metric.name} {metric.kind}", text)
        self.assertIn("twisted_sse_build_info{", text)

    def test_labels(self) -> None:
        """
        Before anything has happened, every known label is there, and is 0.
        """
        numbers = read(ServedAdmin())

        for metric in METRICS:
            for value in metric.values:
                name = metric.name.removeprefix(PREFIX)
                self.assertEqual(numbers[name, value], 0, metric.key)

    def test_no_names(self) -> None:
        """
        No topic and no user is in any metric.
        """
        admin = ServedAdmin()
        admin.subscribe("secret-topic", user="secret-user")
        admin.publish("secret-data", topic="secret-topic")

        self.assertNotIn(b"secret", admin.look("/metrics").body)

    def test_negotiated(self) -> None:
        """
        A scraper that asks for OpenMetrics is answered with that.
        """
        admin = ServedAdmin()
        openmetrics = "application/openmetrics-text; version=1.0.0"

        plain = admin.look("/metrics")
        asked = admin.look("/metrics", {**LOCAL, "Accept": openmetrics})

        self.assertTrue((plain.header("Content-Type") or "").startswith("text/plain"))
        self.assertTrue((asked.header("Content-Type") or "").startswith(openmetrics[:28]))
        self.assertTrue(asked.body.endswith(b"# EOF\n"))

    def test_absent(self) -> None:
        """
        Without prometheus-client the answer says how to install it.
        """
        installed = sys.modules["prometheus_client"]
        self.addCleanup(sys.modules.__setitem__, "prometheus_client", installed)
        sys.modules["prometheus_client"] = None  # type: ignore[assignment]

        answer = ServedAdmin().look("/metrics")

        self.assertEqual(answer.status, 501)
        self.assertIn("pip install 'twisted-sse[metrics]'", answer.detail)

    def test_unknown_history(self) -> None:
        """
        What history cannot tell is left out.
        """
        numbers = read(ServedAdmin(AbsentHistory(away=False)))

        self.assertNotIn(("history_events", ""), numbers)
        self.assertIn(("connections", "live"), numbers)


class MergeTests(SynchronousTestCase):
    """
    The numbers of several processes.
    """

    def test_merged(self) -> None:
        """
        Numbers, labels and histograms are added; of a lag, the largest counts.
        """
        one: Sample = {
            "events_published": 3,
            "resets": {"unknown-id": 1},
            "batch_events": {"counts": [1, 0], "sum": 2.0},
            "largest_lag_events": 7,
        }
        other: Sample = {
            "events_published": 4,
            "resets": {"unknown-id": 1, "fell-behind": 2},
            "batch_events": {"counts": [2, 1], "sum": 5.0},
            "largest_lag_events": 2,
            "processes": 1,
        }

        merged: Mapping[str, Any] = merge_samples([one, other])

        self.assertEqual(
            merged,
            {
                "events_published": 7,
                "resets": {"unknown-id": 2, "fell-behind": 2},
                "batch_events": {"counts": [3, 1], "sum": 7.0},
                "largest_lag_events": 7,
                "processes": 1,
            },
        )
        self.assertEqual(one["resets"], {"unknown-id": 1})
