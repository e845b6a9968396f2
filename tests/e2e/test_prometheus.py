"""
Prometheus scrapes a hub, and finds nothing wrong with its metrics and with our rules.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import curl, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually
from twisted_sse.web.admin.metrics import METRICS, PREFIX

__all__ = ["DeployTests", "ScrapeTests"]

_DEPLOY = Path(__file__).resolve().parents[2] / "deploy"

# What prometheus adds to the name of a histogram.
_PARTS = re.compile("_(?:bucket|sum|count)$")


class DeployTests(SynchronousTestCase):
    """
    The files in deploy/.
    """

    def names(self, expression: str) -> set[str]:
        """
        Return the names of our metrics in an expression, those of histograms without suffix.
        """
        found = re.findall(rf"{PREFIX}\w+", expression)
        histograms = {metric.name for metric in METRICS if metric.kind == "histogram"}
        return {
            _PARTS.sub("", name) if _PARTS.sub("", name) in histograms else name for name in found
        }

    def test_rules(self) -> None:
        """
        The alert rules use metrics that exist.
        """
        rules = (_DEPLOY / "prometheus" / "rules.yml").read_text("utf-8")
        known = {metric.name for metric in METRICS}

        self.assertEqual(self.names(rules) - known, set())
        self.assertGreater(len(self.names(rules)), 5)

    def test_dashboard(self) -> None:
        """
        The dashboard for Grafana shows every metric, and no other.
        """
        dashboard = json.loads((_DEPLOY / "grafana" / "dashboard.json").read_text("utf-8"))
        expressions = [
            target["expr"] for panel in dashboard["panels"] for target in panel["targets"]
        ]
        shown = set().union(*map(self.names, expressions))

        self.assertEqual(shown, {metric.name for metric in METRICS})

    def test_labels(self) -> None:
        """
        Rules and dashboard use labels, and values of them, that exist.
        """
        text = "".join(path.read_text("utf-8") for path in _DEPLOY.glob("*/*.[jy]*"))
        labels = {metric.label for metric in METRICS} | {"instance", "le", ""}
        used = set(re.findall(r"by \((\w+)\)", text))
        limits = next(metric.values for metric in METRICS if metric.key == "refused")

        self.assertEqual(used - labels, set())
        for value in re.findall(r'limit=~\\?"([\w|]+)', text):
            self.assertEqual(set(value.split("|")) - set(limits), set())

    def test_promtool(self) -> None:
        """
        promtool accepts the rules and the configuration.
        """
        promtool = find_program("promtool", "prometheus")
        for check, name in (("rules", "rules.yml"), ("config", "prometheus.yml")):
            done = subprocess.run(
                [promtool, "check", check, name],
                cwd=_DEPLOY / "prometheus",
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )

            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class ScrapeTests(SynchronousTestCase):
    """
    A hub of two workers, and a Prometheus.
    """

    hub: HubProcess
    admin: str

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start the hub, and let it do something.
        """
        port = free_port()
        cls.hub = HubProcess("--workers", "2", "--admin", str(port))
        cls.addClassCleanup(cls.hub.stop)
        cls.admin = f"localhost:{port}"
        stream = RawStream(cls.hub.port, "/events?topic=news")
        cls.addClassCleanup(stream.close)
        stream.named("stream-open")
        publish(cls.hub.url, TOKEN, "news", "one", "two", "three")
        stream.data(3)

    def test_promtool(self) -> None:
        """
        promtool finds no fault with the names, the units and the help of the metrics.
        """
        promtool = find_program("promtool", "prometheus")
        text = curl(f"http://{self.admin}/metrics").body
        done = subprocess.run(
            [promtool, "check", "metrics"],
            input=text,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_scraped(self) -> None:
        """
        Prometheus scrapes every metric with our configuration, and evaluates our rules.
        """
        prometheus = self.start()
        self.addCleanup(prometheus.end)

        url = f"http://127.0.0.1:{self.port}/api/v1/"

        def ask(path: str) -> Any:
            return curl("-g", "--retry-connrefused", "--retry", "9", f"{url}{path}").json()["data"]

        def value(expression: str) -> float:
            found = ask(f"query?query={quote(expression)}")["result"]
            return float(found[0]["value"][1]) if found else -1.0

        eventually(lambda: value('up{job="twisted_sse"}') == 1, "it has scraped nothing", 60.0)
        job = quote('{job="twisted_sse"}')
        names = ask(f"label/__name__/values?match[]={job}")
        rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]

        for metric in METRICS:
            name = f"{metric.name}_bucket" if metric.kind == "histogram" else metric.name
            self.assertIn(name, names)
        self.assertEqual(value("twisted_sse_events_published_total"), 3)
        self.assertEqual(value("sum(twisted_sse_connections)"), 1)
        self.assertEqual(value("twisted_sse_publish_to_write_seconds_count"), 3)
        self.assertEqual({rule["health"] for rule in rules} - {"ok", "unknown"}, set())
        self.assertEqual(len(rules), 9)

    def start(self) -> Background:
        """
        Start a Prometheus with the configuration in deploy/, which scrapes each second.
        """
        program = find_program("prometheus", "prometheus")
        self.port = free_port()
        config = (_DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8")
        rules = str(_DEPLOY / "prometheus" / "rules.yml")
        for before, after in (
            ("127.0.0.1:9090", self.admin),
            ("- rules.yml", f"- {rules}"),
            ("_interval: 15s", "_interval: 1s"),
        ):
            self.assertIn(before, config)
            config = config.replace(before, after)
        path = Path(self.mktemp()).absolute()
        path.write_text(config, "utf-8")
        return Background(
            [
                program,
                f"--config.file={path}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--storage.tsdb.path=data",
            ]
        )
