"""
The manifests for Kubernetes: that they fit together, and a hub that is started as they say.
"""

import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import curl, publish
from tests.support.dockerfile import read_dockerfile
from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = ["HubTests", "ManifestTests"]

# What the hub takes to stop, in seconds: options in its configuration.
_DELAYS = ("drain-delay", "grace")

_DEPLOY = Path(__file__).resolve().parent.parent.parent / "deploy"


def _manifests() -> dict[str, dict[str, Any]]:
    """
    The manifests by their kinds.
    """
    paths = sorted(_DEPLOY.joinpath("kubernetes").glob("*.yaml"))
    loaded = [yaml.safe_load(path.read_text("utf-8")) for path in paths]
    return {manifest["kind"]: manifest for manifest in loaded}


class _ManifestCase(SynchronousTestCase):
    """
    Has the manifests.
    """

    def setUp(self) -> None:
        """
        Read them.
        """
        self.manifests = _manifests()
        self.pod = self.manifests["Deployment"]["spec"]["template"]["spec"]
        (self.container,) = self.pod["containers"]
        self.files = {
            "config": self.manifests["ConfigMap"]["data"],
            "secret": self.manifests["Secret"]["stringData"],
        }


class ManifestTests(_ManifestCase):
    """
    The manifests.
    """

    def test_kinds(self) -> None:
        """
        There is one of each kind, of its current version.
        """
        versions = {kind: one["apiVersion"] for kind, one in self.manifests.items()}

        self.assertEqual(
            versions,
            {
                "ConfigMap": "v1",
                "Deployment": "apps/v1",
                "PodDisruptionBudget": "policy/v1",
                "Secret": "v1",
                "Service": "v1",
            },
        )

    def test_references(self) -> None:
        """
        Labels, names and ports that refer to others exist.
        """
        spec = self.manifests["Deployment"]["spec"]
        labels = spec["template"]["metadata"]["labels"]
        selectors = [
            spec["selector"]["matchLabels"],
            self.manifests["Service"]["spec"]["selector"],
            self.manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        ]
        volumes = {one["name"]: one for one in self.pod["volumes"]}
        mounts = {one["name"] for one in self.container["volumeMounts"]}
        ports = {one["name"] for one in self.container["ports"]}
        probes = [self.container[f"{one}Probe"] for one in ("startup", "liveness", "readiness")]

        self.assertEqual(selectors, [labels] * 3)
        self.assertEqual(mounts, set(volumes))
        self.assertEqual(
            volumes["config"]["configMap"]["name"],
            self.manifests["ConfigMap"]["metadata"]["name"],
        )
        self.assertEqual(
            volumes["secret"]["secret"]["secretName"], self.manifests["Secret"]["metadata"]["name"]
        )
        self.assertEqual(self.manifests["Service"]["spec"]["ports"][0]["targetPort"], "http")
        self.assertEqual({one["httpGet"]["port"] for one in probes}, ports)

    def test_image(self) -> None:
        """
        The command and the user are those of the image.
        """
        steps = {step.name: step for step in read_dockerfile(_DEPLOY / "Dockerfile")}
        context = self.pod["securityContext"]
        user = f"{context['runAsUser']}:{context['runAsGroup']}"

        self.assertEqual(self.container["command"], steps["ENTRYPOINT"].words)
        self.assertEqual(user, steps["USER"].text)
        self.assertIs(self.container["securityContext"]["readOnlyRootFilesystem"], True)

    def test_secret(self) -> None:
        """
        The user may read the secret, and nobody may who is not in its group: 288 is 0o440.
        """
        volumes = {one["name"]: one for one in self.pod["volumes"]}

        self.assertEqual(volumes["secret"]["secret"]["defaultMode"], 0o440)
        self.assertEqual(
            self.pod["securityContext"]["fsGroup"], self.pod["securityContext"]["runAsGroup"]
        )

    def test_times(self) -> None:
        """
        Kubernetes waits longer than the hub takes to stop.
        """
        text = self.files["config"]["hub.toml"]
        delays = [int(re.findall(rf"^{one} = (\d+)$", text, re.M)[0]) for one in _DELAYS]
        command = self.container["lifecycle"]["preStop"]["exec"]["command"]
        (name, seconds) = command

        self.assertEqual(name, "sleep")
        self.assertGreater(
            self.pod["terminationGracePeriodSeconds"], sum(delays) + int(seconds) + 5
        )


class HubTests(_ManifestCase):
    """
    A hub with the command, the arguments, the environment and the files of the manifests.
    """

    def start(self) -> Background:
        """
        Start it, in a directory that it cannot write to, and wait for the startup probe.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        find_program("tini", "tini")
        home = Path(directory.name)
        self.port = free_port()
        for mount in self.container["volumeMounts"]:
            folder = home / mount["mountPath"].lstrip("/")
            folder.mkdir(parents=True)
            for name, text in self.files[mount["name"]].items():
                replaced = text.replace('"8080"', f'"{self.port}"').replace("/etc/", f"{home}/etc/")
                folder.joinpath(name).write_text(replaced, "utf-8")
        variables = [f"{one['name']}={one['value']}" for one in self.container["env"]]
        arguments = [one.replace("/etc/", f"{home}/etc/") for one in self.container["args"]]
        home.chmod(stat.S_IRUSR | stat.S_IXUSR)
        program = Background(
            [
                *("env", "--ignore-environment", *variables, "TINI_SUBREAPER=1"),
                f"PATH={Path(sys.executable).parent}:{os.environ['PATH']}",
                *(f"--chdir={home}", *self.container["command"], *arguments),
            ]
        )
        self.addCleanup(program.end)

        def started() -> bool:
            self.assertTrue(program.running(), program.output())
            return self.probe("startup")

        eventually(started, "the startup probe fails")
        return program

    def probe(self, name: str) -> bool:
        """
        Whether the probe *name* succeeds.
        """
        path = self.container[f"{name}Probe"]["httpGet"]["path"]
        try:
            status = curl(f"http://localhost:{self.port}{path}").status
        except subprocess.CalledProcessError:
            return False
        return 200 <= status < 400

    def test_serves(self) -> None:
        """
        All probes succeed, and the token of the secret may publish.
        """
        program = self.start()
        stream = RawStream(self.port, "/events?topic=news")
        self.addCleanup(stream.close)
        token = self.files["secret"]["tokens"].strip()
        publish(f"http://localhost:{self.port}", token, "news", "hello")

        self.assertEqual(stream.data(1), ["hello"])
        self.assertEqual([self.probe("liveness"), self.probe("readiness")], [True, True])
        self.assertNotRegex(program.output(), '"level": "(warn|error|critical)"')

    def test_leaves(self) -> None:
        """
        From SIGTERM on the hub is alive but not ready, and serves until it stops with
        status 0.
        """
        program = self.start()
        stream = RawStream(self.port, "/events?topic=news")
        self.addCleanup(stream.close)
        began = time.monotonic()
        program.send_signal(signal.SIGTERM)
        eventually(lambda: not self.probe("readiness"), "it is ready")
        alive = self.probe("liveness")
        publish(
            f"http://localhost:{self.port}", self.files["secret"]["tokens"].strip(), "news", "last"
        )

        self.assertEqual((alive, stream.data(1)), (True, ["last"]))
        self.assertEqual(program.process.wait(2 * PATIENCE), 0, program.output())
        self.assertLess(time.monotonic() - began, self.pod["terminationGracePeriodSeconds"])
        stream.rest()
        self.assertTrue(stream.complete)
