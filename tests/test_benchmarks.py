"""
Tests for `benchmarks`: what it computes and draws.
"""

import gc
import json
import os
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import PingAckReceived
from hyperframe.frame import DataFrame, HeadersFrame, RstStreamFrame
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

# Benchmarks are not installed.  Their directory comes last, so the installed package goes first.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import build, chart, commits, machine, report, resuming, users
from benchmarks.figure import Figure, Target
from benchmarks.figures import all_figures
from benchmarks.generator import problem_of, read_output
from benchmarks.h2publisher import Publisher, body_of, mark_of
from benchmarks.h2streams import H2Error, H2Streams, compare
from benchmarks.measures import MEASURES
from benchmarks.measures.generator import Count
from benchmarks.measures.history import in_turn
from benchmarks.measures.replay import ids_of_events
from benchmarks.others import Others, busy_seconds
from benchmarks.probe import INTERVAL, Collections, Lateness
from benchmarks.process import parse_memory
from benchmarks.results import Results, Sample, append, load
from benchmarks.servers import SERVERS
from benchmarks.sizes import FULL, QUICK, sizes_of
from benchmarks.stores import fresh_store, passing_store
from twisted_sse.history.sqlite import SQLiteHistory

CPU = "cpu_us_per_delivery"
TITLES = {"floor": "floor (C)", "nchan": "Nchan"}
ABOUT = {
    "date": "2026-01-02",
    "rounds": 3,
    "cores": 2,
    "cpu": "A CPU",
    "kernel": "Linux 6",
    "versions": {"Python": "3.11", "Twisted": "26"},
}


def fanout(server: str, *costs: float, kind: str = "few-1", others: float = 0.0) -> list[Sample]:
    """
    Make a sample for each round, with *costs* in microseconds for each delivery.
    """
    return [Sample(server, kind, {CPU: c}, others, round=i) for i, c in enumerate(costs)]


def temporary(test: SynchronousTestCase) -> Path:
    """
    Make a directory that is removed after the test.
    """
    directory = TemporaryDirectory()
    test.addCleanup(directory.cleanup)
    return Path(directory.name)


class MedianTests(SynchronousTestCase):
    """
    Tests for medians and ratios over rounds.
    """

    def test_median(self) -> None:
        """
        The median of the rounds comes with their range and their number.
        """
        results = Results(ABOUT, fanout("floor", 2.0, 9.0, 3.0))

        median = results.median("floor", "few-1", CPU)

        assert median is not None
        self.assertEqual((median.value, median.low, median.high, median.rounds), (3.0, 2.0, 9.0, 3))

    def test_nothing_measured(self) -> None:
        """
        A figure that was not measured has no median.
        """
        results = Results(ABOUT)

        self.assertIsNone(results.median("floor", "few-1", CPU))

    def test_noisy_round(self) -> None:
        """
        A round disturbed by other programs does not count beside a quiet one.
        """
        noisy = replace(fanout("floor", 50.0, others=0.9)[0], round=7)
        results = Results(ABOUT, [*fanout("floor", 2.0, 4.0), noisy])

        median = results.median("floor", "few-1", CPU)

        assert median is not None
        self.assertEqual((median.value, median.noisy), (3.0, False))

    def test_only_noisy_rounds(self) -> None:
        """
        If every round was disturbed they count, and the median says so.
        """
        results = Results(ABOUT, fanout("floor", 50.0, others=0.9))

        median = results.median("floor", "few-1", CPU)

        assert median is not None
        self.assertEqual((median.value, median.noisy), (50.0, True))

    def test_failed_round(self) -> None:
        """
        One failed round makes the whole figure fail, however good the others are.
        """
        failed = Sample("floor", "few-1", problem="lost 3", round=1)
        results = Results(ABOUT, [*fanout("floor", 2.0), failed])

        median = results.median("floor", "few-1", CPU)

        assert median is not None
        self.assertEqual(median.problem, "lost 3")

    def test_ratio_within_rounds(self) -> None:
        """
        A machine that was three times slower in one round does not change the ratio.
        """
        samples = [*fanout("hub", 3.0, 9.0), *fanout("floor", 2.0, 6.0)]
        results = Results(ABOUT, samples)

        ratio = results.ratio(("hub", "few-1"), ("floor", "few-1"), CPU)

        self.assertEqual(ratio, 1.5)

    def test_no_ratio_of_a_failed_run(self) -> None:
        """
        A floor that failed gives no ratio.
        """
        failed = Sample("floor", "few-1", {CPU: 1.0}, problem="lost 3")
        results = Results(ABOUT, [*fanout("hub", 3.0), failed])

        self.assertIsNone(results.ratio(("hub", "few-1"), ("floor", "few-1"), CPU))

    def test_kept_and_read(self) -> None:
        """
        Samples that were appended to a file are read again, with the circumstances.
        """
        path = temporary(self) / "run.jsonl"
        [made] = fanout("hub", 3.0)
        append(path, ABOUT)
        append(path, made)

        results = load([path])

        self.assertEqual((results.about, results.samples), (ABOUT, [made]))

    def test_rounds_of_two_files(self) -> None:
        """
        Rounds of different files are not compared with each other.
        """
        first, second = temporary(self) / "first", temporary(self) / "second"
        append(first, fanout("hub", 3.0)[0])
        append(second, fanout("floor", 2.0)[0])

        results = load([first, second])

        self.assertIsNone(results.ratio(("hub", "few-1"), ("floor", "few-1"), CPU))


class GeneratorOutputTests(SynchronousTestCase):
    """
    Tests for reading the output of the load generator.
    """

    def test_flat(self) -> None:
        """
        Each percentile has a name of its own.
        """
        output = read_output('{"ok": true, "lat_us": {"p99": 7}}', "")

        self.assertEqual(output, {"ok": True, "lat_us.p99": 7, "said": ""})

    def test_good(self) -> None:
        """
        A complete run has no problem.
        """
        self.assertEqual(problem_of(read_output('{"ok": true}', "")), "")

    def test_lost(self) -> None:
        """
        The problem of a run that lost events contains their number and the error output.
        """
        output = read_output('{"ok": false, "lost": 3, "doubled": 0}', "a stream was closed\n")

        self.assertEqual(problem_of(output), "lost 3; a stream was closed")

    def test_crashed(self) -> None:
        """
        A run without output is a failed run.
        """
        output = read_output("", "sseload: connect: refused\n")

        self.assertEqual(problem_of(output), "sseload: connect: refused")


class ReplayTests(SynchronousTestCase):
    """
    Tests for finding the IDs of published events.
    """

    def test_ids(self) -> None:
        """
        IDs are those of blocks that carry an event of the generator, wherever the field stands.
        """
        stream = [
            b"event: stream-open\nid: a-0\ndata: {}\n\n",
            b"id: a-1\ndata: xx~t=0;s=00000001;\n\n",
            b":\n\n",
            b"data: xx~t=0;s=00000002;\r\nid:a-2\r\n\r\n",
        ]

        self.assertEqual(ids_of_events(iter(stream)), ["a-1", "a-2"])


class MachineTests(SynchronousTestCase):
    """
    Tests for reading figures of the kernel.
    """

    def test_cpu_model(self) -> None:
        """
        The CPU's name is found, with single spaces.
        """
        text = "processor\t: 0\nmodel name\t: Some  CPU @ 2 GHz\nmodel name\t: other\n"

        self.assertEqual(machine.cpu_model(text), "Some CPU @ 2 GHz")

    def test_memory(self) -> None:
        """
        Resident and proportional memory are read in KiB.
        """
        text = "00-ff ---p 0 00:00 0 [rollup]\nRss:    12 kB\nPss:    7 kB\nPss_Dirty:  5 kB\n"

        memory = parse_memory(text)

        self.assertEqual((memory.resident, memory.proportional), (12, 7))


class OthersTests(SynchronousTestCase):
    """
    Tests for the CPU time of other programs.
    """

    def test_busy(self) -> None:
        """
        Idle time and waiting for a disk do not count as busy; stolen time does.
        """
        tick = os.sysconf("SC_CLK_TCK")
        text = f"cpu  {tick} 0 {tick} 999 999 0 0 {tick} 5 5\ncpu0 9 9 9 9 9 9 9 9 9 9\n"

        self.assertEqual(busy_seconds(text), 3.0)

    def test_never_below_nothing(self) -> None:
        """
        The number is not negative if the server's clock runs ahead of the machine's.
        """
        clock = iter([0.0, 1000.0])
        others = Others(lambda: next(clock))

        self.assertEqual(others.cores(), 0.0)


class StoreTests(SynchronousTestCase):
    """
    Tests for the files of SQLite histories.
    """

    def test_fresh(self) -> None:
        """
        An earlier history is removed, including its log and its lock.
        """
        directory = temporary(self)
        for suffix in ("", "-wal", "-shm", "-lock"):
            (directory / f"store.sqlite{suffix}").touch()

        path = fresh_store("store", directory)

        self.assertEqual((path.parent, list(directory.iterdir())), (directory, []))

    def test_passing(self) -> None:
        """
        A store that was made in a `with` block is removed after it.
        """
        directory = temporary(self)
        with passing_store("store", directory) as path:
            path.touch()

        self.assertEqual(list(directory.iterdir()), [])


class HistoryTests(TestCase):
    """
    Tests for the programs that measure SQLite, and for their results.
    """

    async def test_commits(self) -> None:
        """
        Publications are counted while several publishers publish.
        """
        path = fresh_store("store", temporary(self))

        result = await commits.measure(reactor, f"sqlite:{path}", 3, 0.01)

        self.assertEqual(set(result), {"per_s", "cpu_us"})

    async def test_resuming(self) -> None:
        """
        The missed events are found, on one topic and on all, in both stores.
        """
        directory = temporary(self)
        stores = [f"sqlite:{fresh_store(name, directory)}" for name in ("small", "large")]

        result = await resuming.measure(stores, (100, 200), 10, 2)

        wheres, clocks, units = ("topic", "all"), ("cpu", "wall"), ("us", "times")
        names = {"_".join(parts) for parts in product(wheres, clocks, units)}
        self.assertEqual(set(result), names)
        self.assertTrue(all(value > 0 for value in result.values()))

    async def test_too_little_found(self) -> None:
        """
        An answer with too few events raises an error.
        """
        history = SQLiteHistory(fresh_store("store", temporary(self)))
        history.startService()
        self.addCleanup(history.stopService)
        kept = await resuming.fill(history, 10, 10)
        comer = resuming.Comer(history, kept[4].id, "*", 6)

        with self.assertRaisesRegex(ValueError, "5 events were found instead of 6"):
            await comer.come()

    def test_users(self) -> None:
        """
        Private publications reach one user each, of few and of many, and their cost is compared.
        """
        result = users.measure(2, 5, 10, 2)

        names = {f"{kind}_{what}" for kind in ("plain", "presence") for what in ("2_us", "5_us")}
        self.assertEqual(set(result), names | {"plain_times", "presence_times"})
        self.assertTrue(all(value > 0 for value in result.values()))

    def test_users_missed(self) -> None:
        """
        A publication that does not reach its user raises an error.
        """
        audience = users.Audience(2, presence=True)
        audience.hub.disconnect("user 1")

        with self.assertRaisesRegex(ValueError, "4 publications were written 2 times"):
            audience.publish(4)

    def test_compared(self) -> None:
        """
        Medians of the large store are compared with those of the small one.
        """
        history = SQLiteHistory(fresh_store("store", temporary(self)))
        small, large = (resuming.Comer(history, "a-1", "*", 1) for _ in range(2))
        small.cpu, small.wall = [0.1, 0.2, 9.0], [0.5]
        large.cpu, large.wall = [0.3, 9.0, 0.1], [1.0]

        result = resuming.compared("all", small, large)

        self.assertAlmostEqual(result["all_cpu_us"], 300_000)
        self.assertAlmostEqual(result["all_cpu_times"], 1.5)
        self.assertAlmostEqual(result["all_wall_times"], 2.0)

    def test_in_turn(self) -> None:
        """
        Samples of many publishers and of one make one sample, as noisy as the noisier one.
        """
        many = Sample("hub", "commits", {"per_s": 300.0}, 0.1)
        one = Sample("hub", "commits", {"per_s": 10.0}, 0.5)

        made = in_turn(many, one)

        values = {"many_per_s": 300.0, "one_per_s": 10.0, "many_times": 30.0}
        self.assertEqual(made, Sample("hub", "commits", values, 0.5))

    def test_one_failed(self) -> None:
        """
        If one of the two failed, the sample has no values.
        """
        many = Sample("hub", "commits", {"per_s": 300.0})

        made = in_turn(many, Sample("hub", "commits", problem="no disk"))

        self.assertEqual((made.values, made.problem), ({}, "no disk"))


class H2StreamsTests(SynchronousTestCase):
    """
    Tests for the client of HTTP/2, against h2.
    """

    def setUp(self) -> None:
        self.streams = H2Streams(2, "/events")
        self.server = H2Connection(H2Configuration(client_side=False))
        self.server.initiate_connection()
        self.server.receive_data(self.streams.opening())

    def answer(self, status: str = "200") -> None:
        """
        Answer both requests, and let the client read the answers.
        """
        for stream in (1, 3):
            self.server.send_headers(stream, [(":status", status)])
        self.exchange()

    def exchange(self) -> None:
        """
        Deliver what each side has sent.
        """
        self.server.receive_data(self.streams.feed(self.server.data_to_send()))

    def send(self, *texts: bytes) -> None:
        """
        Send *texts* on the streams, and let the client read them.
        """
        for stream, text in zip((1, 3), texts, strict=False):
            self.server.send_data(stream, text)
        self.exchange()

    def test_requests(self) -> None:
        """
        Both requests are answered, and their windows have the largest size.
        """
        self.answer()

        windows = [self.server.local_flow_control_window(stream) for stream in (1, 3)]
        self.assertEqual((self.streams.answered, windows), (2, [2**31 - 1, 2**31 - 1]))

    def test_no_window(self) -> None:
        """
        A client may have windows of 0 bytes.
        """
        server = H2Connection(H2Configuration(client_side=False))
        server.initiate_connection()
        server.receive_data(H2Streams(1, "/events", window=0).opening())

        self.assertEqual(server.local_flow_control_window(1), 0)

    def test_complete(self) -> None:
        """
        An event is complete when the first stream has it whole, and the others as many bytes.
        """
        self.answer()
        event = b"data: " + body_of(7, "plain", "") + b"\n\n"
        steps = []
        for texts in ([event[:100]], [event[100:], event[:150]], [b"", event[150:]]):
            self.send(*texts)
            steps.append(self.streams.complete(mark_of(7)))

        self.assertEqual(len(event), 200)
        self.assertEqual((steps, self.streams.received), ([False, False, True], [200, 200]))

    def test_doubled(self) -> None:
        """
        An event that arrived twice on one stream is not complete.
        """
        self.answer()
        event = b"data: " + body_of(7, "plain", "") + b"\n\n"
        self.send(event, event * 2)

        self.assertFalse(self.streams.complete(mark_of(7)))

    def test_forget(self) -> None:
        """
        The next event is counted from 0.
        """
        self.answer()
        self.send(b"one", b"one")
        self.streams.forget()
        self.send(b"three", b"four")

        self.assertEqual((self.streams.received, self.streams.first), ([5, 4], b"three"))

    def test_every_split(self) -> None:
        """
        Frames are read correctly wherever they are split.
        """
        self.server.send_headers(1, [(":status", "200")])
        self.server.send_data(1, b"some")
        sent = self.server.data_to_send()
        for at in range(len(sent)):
            streams = H2Streams(2, "/events")
            for part in (sent[:at], sent[at:]):
                streams.feed(part)

            self.assertEqual((streams.answered, streams.received), (1, [4, 0]))

    def test_ping(self) -> None:
        """
        A PING of the server is answered.
        """
        self.answer()
        self.server.ping(b"12345678")
        events = self.server.receive_data(self.streams.feed(self.server.data_to_send()))

        self.assertEqual([type(event) for event in events], [PingAckReceived])

    def test_refused(self) -> None:
        """
        A stream that is not answered with 200 is an error.
        """
        with self.assertRaisesRegex(H2Error, "answered with 429"):
            self.answer("429")

    def test_ended(self) -> None:
        """
        A stream that is ended or reset, and a connection that is closed, are errors.
        """
        self.server.close_connection()
        goaway = self.server.data_to_send()
        ends = [
            DataFrame(1, b"", flags=["END_STREAM"]).serialize(),
            HeadersFrame(1, b"\x88", flags=["END_HEADERS", "END_STREAM"]).serialize(),
            RstStreamFrame(1).serialize(),
            goaway,
        ]

        for end in ends:
            with self.assertRaises(H2Error):
                H2Streams(1, "/events").feed(end)


class CompareTests(SynchronousTestCase):
    """
    Tests for finding lost and doubled events.
    """

    def test_alike(self) -> None:
        """
        Streams with the expected size raise no error.
        """
        compare([200, 200], 200)

    def test_different(self) -> None:
        """
        Lost and doubled events are counted.
        """
        with self.assertRaisesRegex(H2Error, "^2 streams lost something, 1 got something twice$"):
            compare([0, 200, 199, 400], 200)


class PublisherTests(SynchronousTestCase):
    """
    Tests for publishing over TLS.
    """

    def test_bodies(self) -> None:
        """
        A payload has 192 bytes and ends with its number, plain or in JSON.
        """
        plain = body_of(12, "plain", "bench")
        encoded = json.loads(body_of(12, "json", "bench"))

        self.assertEqual((len(plain), plain[-11:]), (192, b"s=00000012;"))
        self.assertEqual(encoded, {"topic": "bench", "data": plain.decode()})

    def test_servers(self) -> None:
        """
        It has a way to publish to every server.
        """
        for server in SERVERS:
            Publisher(server).close()


class LatenessTests(SynchronousTestCase):
    """
    Tests for the probe inside the server.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.lateness = Lateness(self.clock)
        self.lateness.start()

    def test_longest(self) -> None:
        """
        The longest delay beyond the interval is reported.
        """
        for step in (INTERVAL, 0.031, INTERVAL, 0.011, INTERVAL):
            self.clock.advance(step)

        self.assertAlmostEqual(self.lateness.take(), 0.03, 3)

    def test_taken_once(self) -> None:
        """
        A delay is reported once.
        """
        self.clock.advance(0.031)
        self.lateness.take()
        self.clock.advance(INTERVAL)

        self.assertAlmostEqual(self.lateness.take(), 0.0, 3)


class CollectionsTests(SynchronousTestCase):
    """
    Tests for the probe of garbage collections.
    """

    def test_longest(self) -> None:
        """
        A collection is reported once.
        """
        collections = Collections()
        collections.watch()
        self.addCleanup(gc.callbacks.pop)
        gc.collect()

        self.assertGreater(collections.take(), 0.0)
        self.assertEqual(collections.take(), 0.0)


class TableTests(SynchronousTestCase):
    """
    Tests for the Markdown table.
    """

    FIGURE = Figure("Cost", "few-1", CPU, "µs", 1, ("floor", "few-1"), Target(1.2, "ratio"))

    def test_row(self) -> None:
        """
        A row shows ours, the floor, the ratio, the target, whether it is met, and peers.
        """
        samples = [*fanout("floor", 2.0), *fanout("hub", 2.2), *fanout("nchan", 3.0)]

        row = report.row(Results(ABOUT, samples), self.FIGURE, TITLES)

        peers = "Nchan 3.00 µs (1.50 \u00d7)"
        expected = ("Cost", "2.20 µs", "2.00 µs", "1.10 \u00d7", "1.2 \u00d7", "yes", peers)
        self.assertEqual(row, expected)

    def test_missed(self) -> None:
        """
        A figure over its target is not met.
        """
        results = Results(ABOUT, [*fanout("floor", 2.0), *fanout("hub", 2.6)])

        row = report.row(results, self.FIGURE, TITLES)

        assert row is not None
        self.assertEqual(row[5], "**no**")

    def test_target_in_its_unit(self) -> None:
        """
        A target that is not a ratio is compared with the scaled value.
        """
        figure = Figure("Memory", "few-1", CPU, "KiB", 1024, None, Target(5, "value"))
        results = Results(ABOUT, fanout("hub", 5000.0))

        row = report.row(results, figure, TITLES)

        dash = report.NOTHING
        self.assertEqual(row, ("Memory", "4.88 KiB", dash, dash, "5 KiB", "yes", dash))

    def test_at_least(self) -> None:
        """
        A target may be a lower bound.
        """
        target = Target(20, "value", least=True)
        figure = Figure("Commits", "few-1", CPU, "/s", target=target)

        rows = [
            report.row(Results(ABOUT, fanout("hub", value)), figure, TITLES)
            for value in (20.0, 19.0)
        ]

        shown = [row[4:6] for row in rows if row is not None]
        self.assertEqual(shown, [("at least 20 /s", "yes"), ("at least 20 /s", "**no**")])

    def test_another_server_is_ours(self) -> None:
        """
        A row may show another server, which then is not a peer.
        """
        figure = replace(self.FIGURE, server="hub-tls")
        samples = [*fanout("floor", 2.0), *fanout("hub-tls", 3.0), *fanout("hub", 2.2)]

        row = report.row(Results(ABOUT, samples), figure, TITLES)

        assert row is not None
        self.assertEqual((row[1], row[3], row[5]), ("3.00 µs", "1.50 \u00d7", "**no**"))
        self.assertEqual(row[6], "hub 2.20 µs (1.10 \u00d7)")

    def test_failed(self) -> None:
        """
        A run that lost events shows no figure and meets no target.
        """
        lost = Sample("hub", "few-1", {CPU: 0.1}, problem="lost 3")
        results = Results(ABOUT, [*fanout("floor", 2.0), lost])

        row = report.row(results, self.FIGURE, TITLES)

        assert row is not None
        self.assertEqual((row[1], row[5]), ("failed (lost 3)", "no"))

    def test_nobody(self) -> None:
        """
        A figure without a sample has no row.
        """
        table = report.table(Results(ABOUT), [self.FIGURE], TITLES)

        self.assertEqual(len(table.splitlines()), 2)

    def test_numbers(self) -> None:
        """
        Numbers have about three digits and no exponent.
        """
        shown = [report.number(n) for n in (0.0512, 0.5, 7.123, 45.67, 123.4, 45678.9)]

        self.assertEqual(shown, ["0.051", "0.50", "7.12", "45.7", "123", "45,679"])

    def test_between_markers(self) -> None:
        """
        Only the text between the markers is replaced.
        """
        path = temporary(self) / "page.md"
        path.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
        report.replace_between(path, "new")

        expected = f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
        self.assertEqual(path.read_text(), expected)

    def test_no_markers(self) -> None:
        """
        A page without markers is not changed.
        """
        path = temporary(self) / "page.md"
        path.write_text("text\n")

        with self.assertRaisesRegex(ValueError, "must contain"):
            report.replace_between(path, "new")
        self.assertEqual(path.read_text(), "text\n")

    def test_page(self) -> None:
        """
        The documentation's page has its markers.
        """
        page = (build.ROOT / "docs" / "benchmarks.md").read_text()

        self.assertLess(page.index(report.BEGIN), page.index(report.END))

    def test_circumstances(self) -> None:
        """
        The text contains the date, the machine and the versions.
        """
        text = report.circumstances(ABOUT)

        for part in ("2026-01-02", "2 cores", "A CPU", "Linux 6", "Python 3.11, Twisted 26"):
            self.assertIn(part, text)


class ChartTests(SynchronousTestCase):
    """
    Tests for the SVG chart.
    """

    def test_bars(self) -> None:
        """
        The floor comes first, then ours, then peers from the cheapest; failed runs are omitted.
        """
        samples = [*fanout("floor", 2.0), *fanout("slow", 8.0), *fanout("nchan", 3.0)]
        samples += [*fanout("floor", 2.0, kind="few-b10"), *fanout("hub", 0.5, kind="few-b10")]
        samples += [*fanout("hub", 2.2), Sample("broken", "few-1", problem="lost 1")]

        bars = chart.bars(Results(ABOUT, samples), TITLES)

        shown = [(bar.label, round(bar.ratio, 2), bar.owner) for bar in bars]
        expected = [
            ("floor (C)", 1.0, "floor"),
            ("twisted_sse, one at a time", 1.1, "ours"),
            ("twisted_sse, bursts of 10", 0.25, "ours"),
            ("Nchan", 1.5, "peer"),
            ("slow", 4.0, "peer"),
        ]
        self.assertEqual(shown, expected)

    def test_nothing_to_draw(self) -> None:
        """
        Without fan-out the chart has no bars, not even the floor's.
        """
        self.assertEqual(chart.bars(Results(ABOUT), TITLES), [])

    def test_svg(self) -> None:
        """
        The picture is well-formed, escapes its texts, and draws bars in proportion.
        """
        bars = [chart.Bar("a & b", 1.0, "floor"), chart.Bar("c", 4.0, "peer")]

        root = ElementTree.fromstring(chart.draw(bars, "A < B", ["note"]))

        widths = [float(r.attrib["width"]) for r in root.iter() if r.tag.endswith("rect")]
        texts = [t.text for t in root.iter() if t.tag.endswith("text")]
        self.assertAlmostEqual(widths[1] / widths[0], 4.0, 1)
        for text in ("a & b", "A < B", "note"):
            self.assertIn(text, texts)

    def test_dark(self) -> None:
        """
        The picture has other colors for dark pages.
        """
        self.assertIn("prefers-color-scheme: dark", chart.draw([], "", []))


class GeneratorTests(SynchronousTestCase):
    """
    Tests for counting a generator's events.
    """

    def test_torn(self) -> None:
        """
        Each event is counted once, wherever the bytes are split.
        """
        event = b"data: x~t=0000000000000000;s=00000000;\n\n"
        for size in range(1, len(event) + 2):
            counted = Count()
            stream = event * 5
            for start in range(0, len(stream), size):
                counted.feed(stream[start : start + size])

            self.assertEqual(counted.seen, 5)


class PlanTests(SynchronousTestCase):
    """
    Tests for what is measured and shown.
    """

    def test_kinds_are_unique(self) -> None:
        """
        All cases have different kinds, because results are found by kind.
        """
        kinds = [case.kind for measure in MEASURES for case in measure.cases(FULL)]

        self.assertEqual(len(kinds), len(set(kinds)))

    def test_figures_have_cases(self) -> None:
        """
        The kind of each row and of its base is measured.
        """
        kinds = {case.kind for measure in MEASURES for case in measure.cases(QUICK)}
        figures = all_figures(QUICK)

        wanted = {f.kind for f in figures} | {f.base[1] for f in figures if f.base}
        self.assertEqual(wanted - kinds, set())

    def test_bases_are_measured(self) -> None:
        """
        The base of each figure is measured on its server.
        """
        cases = {case.kind: case for measure in MEASURES for case in measure.cases(QUICK)}
        servers = {server.name: server for server in SERVERS}

        for base in (figure.base for figure in all_figures(QUICK) if figure.base):
            self.assertTrue(cases[base[1]].suits(servers[base[0]]), base)

    def test_servers_apart(self) -> None:
        """
        A server that is apart takes part only in measures that name it.
        """
        cases = [case for measure in MEASURES for case in measure.cases(QUICK)]
        taken = {
            server.name: [case.kind for case in cases if case.suits(server)]
            for server in SERVERS
            if server.apart
        }

        http2 = ["http2-1", "http2-idle", "http2-blocked", "http2-exhausted"]
        expected = dict.fromkeys(("hub-tls", "twisted-naive-tls", "hypercorn"), http2)
        more = {"hub-sqlite": ["kept-1"], "hub-generator": ["generator"]}
        self.assertEqual(taken, expected | more)

    def test_older_sizes(self) -> None:
        """
        Results from before a measure existed can still be read.
        """
        self.assertEqual(sizes_of({"few": 7}), replace(FULL, few=7))

    def test_ports_are_unique(self) -> None:
        """
        All servers listen on different ports.
        """
        ports = [server.port for server in SERVERS]

        self.assertEqual(len(ports), len(set(ports)))


class ServerTests(SynchronousTestCase):
    """
    The servers of this package.
    """

    def test_not_left_out(self) -> None:
        """
        What they need is there, so none of them is left out.
        """
        needed = [path for one in SERVERS if one.name.startswith("hub") for path in one.needs]

        self.assertTrue(needed)
        self.assertEqual([path for path in needed if not path.exists()], [])
