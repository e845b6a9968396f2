"""
Tests for `benchmarks`: what it computes and draws, and that its C programs compile.
"""

import gc
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

# Benchmarks are not installed.  Their directory comes last, so the installed package goes first.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import build, chart, machine, report
from benchmarks.figures import Figure, Target, all_figures
from benchmarks.generator import problem_of, read_output
from benchmarks.measures import MEASURES
from benchmarks.measures.replay import ids_of_events
from benchmarks.probe import INTERVAL, Collections, Lateness
from benchmarks.process import parse_memory
from benchmarks.results import Results, Sample, append, load
from benchmarks.servers import SERVERS
from benchmarks.sizes import FULL, QUICK

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
    A sample for each round, costing that many microseconds for each delivery.
    """
    return [Sample(server, kind, {CPU: c}, others, round=i) for i, c in enumerate(costs)]


def temporary(test: SynchronousTestCase) -> Path:
    """
    A directory that is gone after the test.
    """
    directory = TemporaryDirectory()
    test.addCleanup(directory.cleanup)
    return Path(directory.name)


class CompileTests(SynchronousTestCase):
    """
    Tests for the C programs.
    """

    def test_generator(self) -> None:
        """
        The load generator compiles without a warning, since warnings are errors.
        """
        program = build.generator(temporary(self))

        self.assertTrue(program.exists())

    def test_floor(self) -> None:
        """
        The floor compiles without a warning, since warnings are errors.
        """
        program = build.floor(temporary(self))

        self.assertTrue(program.exists())


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
        What nobody measured has no median.
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
        There is no ratio to a floor that failed.
        """
        failed = Sample("floor", "few-1", {CPU: 1.0}, problem="lost 3")
        results = Results(ABOUT, [*fanout("hub", 3.0), failed])

        self.assertIsNone(results.ratio(("hub", "few-1"), ("floor", "few-1"), CPU))

    def test_kept_and_read(self) -> None:
        """
        What was appended to a file is read again, with the circumstances.
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
    Tests for what the load generator said.
    """

    def test_flat(self) -> None:
        """
        Percentiles get names of their own.
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
        A run that lost events says how many, and what else was said.
        """
        output = read_output('{"ok": false, "lost": 3, "doubled": 0}', "a stream was closed\n")

        self.assertEqual(problem_of(output), "lost 3; a stream was closed")

    def test_crashed(self) -> None:
        """
        No answer at all is a failed run.
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
    Tests for what is read from the kernel.
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
        The longest delay beyond the interval is kept.
        """
        for step in (INTERVAL, 0.031, INTERVAL, 0.011, INTERVAL):
            self.clock.advance(step)

        self.assertAlmostEqual(self.lateness.take(), 0.03, 3)

    def test_taken_once(self) -> None:
        """
        What was taken does not count again.
        """
        self.clock.advance(0.031)
        self.lateness.take()
        self.clock.advance(INTERVAL)

        self.assertAlmostEqual(self.lateness.take(), 0.0, 3)


class CollectionsTests(SynchronousTestCase):
    """
    Tests for the probe's watch over garbage collections.
    """

    def test_longest(self) -> None:
        """
        A collection is noticed, and counts once.
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
        A target that is no ratio is compared with the scaled value.
        """
        figure = Figure("Memory", "few-1", CPU, "KiB", 1024, None, Target(5, "value"))
        results = Results(ABOUT, fanout("hub", 5000.0))

        row = report.row(results, figure, TITLES)

        dash = report.NOTHING
        self.assertEqual(row, ("Memory", "4.88 KiB", dash, dash, "5 KiB", "yes", dash))

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
        A figure that nobody was measured for has no row.
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
        Only what stands between the markers is replaced.
        """
        path = temporary(self) / "page.md"
        path.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
        report.replace_between(path, "new")

        expected = f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
        self.assertEqual(path.read_text(), expected)

    def test_no_markers(self) -> None:
        """
        A page without markers is left alone.
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
        Date, machine and versions are said.
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
        The floor comes first, then ours, then peers from the cheapest; failed ones are left out.
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
        Without fan-out there is no bar, not even the floor's.
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
        The picture has colors of its own for dark pages.
        """
        self.assertIn("prefers-color-scheme: dark", chart.draw([], "", []))


class PlanTests(SynchronousTestCase):
    """
    Tests for what is measured and shown.
    """

    def test_kinds_are_unique(self) -> None:
        """
        No two cases have the same kind, since results are found by it.
        """
        kinds = [case.kind for measure in MEASURES for case in measure.cases(FULL)]

        self.assertEqual(len(kinds), len(set(kinds)))

    def test_figures_have_cases(self) -> None:
        """
        Each row of the table is of a kind that is measured, and so is what it is compared with.
        """
        kinds = {case.kind for measure in MEASURES for case in measure.cases(QUICK)}
        figures = all_figures(QUICK)

        wanted = {f.kind for f in figures} | {f.base[1] for f in figures if f.base}
        self.assertEqual(wanted - kinds, set())

    def test_bases_are_measured(self) -> None:
        """
        What a figure is compared with is taken on that server.
        """
        cases = {case.kind: case for measure in MEASURES for case in measure.cases(QUICK)}
        servers = {server.name: server for server in SERVERS}

        for base in (figure.base for figure in all_figures(QUICK) if figure.base):
            self.assertTrue(cases[base[1]].suits(servers[base[0]]), base)

    def test_ports_are_unique(self) -> None:
        """
        No two servers listen on one port.
        """
        ports = [server.port for server in SERVERS]

        self.assertEqual(len(ports), len(set(ports)))
