"""
The Dockerfile: its steps, executed in a plain directory, as there is no Docker engine here.

What differs from an image: absolute paths are below the directory, the user is the one
who runs the tests, without capabilities, and packages of Debian and from PyPI are those
that are installed for the tests.
"""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import publish
from tests.support.dockerfile import Instruction, read_dockerfile
from tests.support.hub_process import TOKEN
from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = ["DockerfileTests"]

_ROOT = Path(__file__).resolve().parent.parent.parent
_DOCKERFILE = _ROOT / "deploy" / "Dockerfile"

# Commands that need root: what they do is checked otherwise.
_AS_ROOT = ("apt-get ", "rm -rf /var/lib/apt/", "chown ")

# The directories of the image that the Dockerfile makes.
_OURS = re.compile(r"(?<![\w./])/(opt|src|data)\b")


class Image:
    """
    The result of the Dockerfile's steps.

    Attributes:
        root: The directory that is the image's root.

        environment: The variables of its processes.

        instructions: By their names, the last of each.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment: dict[str, str] = {"PATH": os.defpath}
        self.instructions: dict[str, Instruction] = {}
        for step in read_dockerfile(_DOCKERFILE):
            self.instructions[step.name] = step
            self._execute(step)

    def path(self, text: str) -> str:
        """
        Replace the image's paths in *text*.
        """
        return _OURS.sub(rf"{self.root}/\1", text)

    def command(self, name: str) -> list[str]:
        """
        The command of an instruction, with paths of this machine.
        """
        return [self.path(one) for one in self.instructions[name].words]

    def _execute(self, step: Instruction) -> None:
        if step.name == "COPY" and "from" not in step.flags:
            self._copy(step.words)
        elif step.name == "RUN":
            for command in step.text.split(" && "):
                self._run(command)
        elif step.name == "ENV":
            for pair in step.words:
                name, _, value = pair.partition("=")
                self.environment[name] = self.path(value)

    def _copy(self, words: list[str]) -> None:
        *sources, target = words
        for source in sources:
            goal = Path(self.path(target))
            if _ROOT.joinpath(source).is_dir():
                leftovers = shutil.ignore_patterns("__pycache__", "dropin.cache")
                shutil.copytree(_ROOT / source, goal, ignore=leftovers)
            else:
                goal.mkdir(parents=True, exist_ok=True)
                shutil.copy(_ROOT / source, goal)

    def _run(self, command: str) -> None:
        if command.startswith("apt-get install"):
            for package in command.split("--no-install-recommends ")[1].split():
                find_program(package, package)
        if command.startswith(_AS_ROOT):
            return
        here = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        subprocess.run(
            ["sh", "-ec", self.path(command)],
            env={**os.environ, "PATH": here},
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=10 * PATIENCE,
        )
        if "-m venv" in command:
            self._provide()

    def _provide(self) -> None:
        """
        Give the virtual environment what is installed for the tests, so that pip finds all
        requirements satisfied, and twistd, which comes with them.
        """
        (packages,) = self.root.glob("opt/sse/lib/python*/site-packages")
        packages.joinpath("tests.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
        twistd = self.root / "opt" / "sse" / "bin" / "twistd"
        program = Path(sys.executable).with_name("twistd").read_text("utf-8")
        twistd.write_text(re.sub("^#!.*", f"#!{twistd.with_name('python')}", program), "utf-8")
        twistd.chmod(0o755)


@contextmanager
def _read_only(directory: Path) -> Iterator[None]:
    """
    Take the permission to write from *directory* and all directories below it.
    """
    folders = [directory, *(one for one in directory.rglob("*") if one.is_dir())]
    before = [one.stat().st_mode for one in folders]
    for one in reversed(folders):
        one.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        yield
    finally:
        for one, mode in zip(folders, before, strict=True):
            one.chmod(mode)


def _unprivileged() -> list[str]:
    """
    The beginning of a command that has no capabilities, even if root runs the tests.
    """
    drop = ["--no-new-privs", "--inh-caps=-all"]
    if os.geteuid() == 0:
        drop.append("--bounding-set=-all")
    return [find_program("setpriv", "util-linux"), *drop, "--"]


class DockerfileTests(SynchronousTestCase):
    """
    The image, built once.
    """

    image: Image
    _directory: "tempfile.TemporaryDirectory[str]"

    @classmethod
    def setUpClass(cls) -> None:
        """
        Build it.
        """
        cls._directory = tempfile.TemporaryDirectory()
        try:
            cls.image = Image(Path(cls._directory.name))
        except BaseException:
            cls._directory.cleanup()
            raise

    @classmethod
    def tearDownClass(cls) -> None:
        """
        Remove it.
        """
        cls._directory.cleanup()

    def start(self, *options: str, writes: bool = False) -> Background:
        """
        Run the container's command, or *options* in place of ``CMD``, without capabilities,
        and in read-only directories unless it *writes*.
        """
        self.port = free_port()
        # Without unshare(1), tini is not process 1 but what it calls a subreaper.
        names = {**self.image.environment, "TINI_SUBREAPER": "1"}
        command = [*self.image.command("ENTRYPOINT"), *(options or self.image.command("CMD"))]
        command = [one.replace("8080", str(self.port)) for one in command]
        if not writes:
            locked = _read_only(self.image.root)
            locked.__enter__()
            self.addCleanup(locked.__exit__, None, None, None)
        program = Background(
            [
                *("env", "--ignore-environment"),
                *(f"{name}={value}" for name, value in names.items()),
                *(f"--chdir={self.image.root}/data", *_unprivileged(), *command),
            ]
        )
        self.addCleanup(program.end)
        eventually(lambda: self.healthy(program), "the container is not healthy")
        return program

    def healthy(self, program: Background) -> bool:
        """
        Whether ``HEALTHCHECK`` succeeds.
        """
        self.assertTrue(program.running(), program.output())
        command = [one.replace("8080", str(self.port)) for one in self.image.command("HEALTHCHECK")]
        path = self.image.environment["PATH"]
        program_path = shutil.which(command[0], path=path) or command[0]
        done = subprocess.run(
            [program_path, *command[1:]],
            env=self.image.environment,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode == 0

    def test_serves(self) -> None:
        """
        The hub serves, as a user without privileges who can write nowhere.
        """
        program = self.start()
        stream = RawStream(self.port, "/events?topic=news")
        self.addCleanup(stream.close)

        self.assertEqual(stream.status, "HTTP/1.1 200 OK")
        self.assertNotIn("cache", program.output())
        self.assertNotRegex(program.output(), r"#(warn|error|critical)")
        touch = [*_unprivileged(), "touch", f"{self.image.root}/data/file"]
        done = subprocess.run(touch, capture_output=True, timeout=PATIENCE, check=False)
        self.assertNotEqual(done.returncode, 0)

    def test_stops(self) -> None:
        """
        SIGTERM to the first process ends the streams, and then the container, with status 0.
        """
        program = self.start()
        stream = RawStream(self.port, "/events?topic=news")
        self.addCleanup(stream.close)
        stream.named("stream-open")
        program.send_signal(signal.SIGTERM)

        self.assertEqual(program.wait(), 0, program.output())
        stream.rest()
        self.assertTrue(stream.complete)

    def test_unhealthy(self) -> None:
        """
        The health check fails where nothing listens.
        """
        program = self.start()
        self.port = free_port()

        self.assertFalse(self.healthy(program))

    def test_zombies(self) -> None:
        """
        The first process removes those whose parent has died.
        """
        find = find_program("tini", "tini")
        script = "(sh -c 'sleep 0.1 & exec true' &); sleep 1; ps -o stat= --ppid $PPID"
        done = subprocess.run(
            [find, "-s", "--", "sh", "-c", script],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )

        self.assertNotIn("Z", done.stdout)

    def test_image(self) -> None:
        """
        The image is slim, of a tested Python, its user is a number that is not root's, and
        owns the directory of data.
        """
        steps = read_dockerfile(_DOCKERFILE)
        bases = {step.words[0] for step in steps if step.name == "FROM"}
        (base,) = bases
        classifiers = _ROOT.joinpath("setup.py").read_text("utf-8")
        found = re.fullmatch(r"python:(3\.\d+)-slim", base)
        user = self.image.instructions["USER"].text
        commands = " ".join(step.text for step in steps if step.name == "RUN")

        self.assertIsNotNone(found)
        self.assertIn(f"Python :: {found and found[1]}", classifiers)
        self.assertRegex(user, r"^[1-9]\d+:[1-9]\d+$")
        self.assertIn(f"chown {user} {self.image.instructions['VOLUME'].text}", commands)
        self.assertEqual(self.image.instructions["EXPOSE"].text, "8080")

    def test_history(self) -> None:
        """
        A history in the volume is kept over a restart, in an image that is read-only.
        """
        data = self.image.root / "data"
        options = ["--port", "8080", "--history", f"sqlite:{data}/events.db"]
        tokens = self.image.root / "data" / "tokens"
        tokens.write_text(TOKEN, "utf-8")
        program = self.start(*options, "--publish-token-file", str(tokens), writes=True)
        publish(f"http://localhost:{self.port}", TOKEN, "news", "kept")
        program.send_signal(signal.SIGTERM)
        self.assertEqual(program.wait(), 0, program.output())

        self.start(*options, writes=True)
        stream = RawStream(self.port, "/events?topic=news&last_event_id=earliest")
        self.addCleanup(stream.close)
        self.assertEqual(stream.data(1), ["kept"])
