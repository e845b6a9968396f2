"""
The documentation is true: the code that it shows runs, and the names that it lists exist.

A comment before a block of code says how it is tested; GitHub does not show the comment:

``<!-- runs -->``
    It runs to its end, and exits with status 0.

``<!-- serves TARGET -->``
    It is a server on port 8080, and answers TARGET with a stream.  The test uses another port.

``<!-- generates TARGET DATA -->``
    It is a server on port 8080, and DATA is the first event of the stream at TARGET.

``<!-- tests TEST PROGRAM -->``
    It is the file TEST.py, which tests the last program before it as PROGRAM.py.

``<!-- publishes -->``
    It publishes to a hub on port 8080 with ``$TOKEN``.

``<!-- follows -->``
    It follows a hub on port 8080, and prints what is published on the topic ``news``.

``<!-- makes -->``
    It runs to its end next to ``ca.pem`` and ``client.pem``, and exits with status 0.

``<!-- embeds NAME -->``
    It is the file NAME, which tests/e2e/test_embedding.py runs.

``<!-- joins NAME -->``
    It is the file NAME, which tests/e2e/test_joints.py runs.

``<!-- file NAME -->``
    It is a file next to the servers of the same document.

``<!-- answers NAME -->``
    It is the file NAME, which tests/e2e/test_answers.py runs.

``<!-- deploys NAME -->``
    It is the file NAME, which tests/e2e/test_tutorial.py runs.

``<!-- excerpt FILE -->``
    Its lines are in FILE, an example.

``<!-- node PACKAGE -->``, ``<!-- php -->``
    It publishes to a hub on port 8080 with ``$TOKEN``, or follows it.

``<!-- unit NAME -->``
    It is the file NAME of systemd.

``<!-- original -->``
    It is written for another library, and not run.

``<!-- nginx -->``
    It is a ``server`` for nginx.

``<!-- proxy NAME -->``
    It is a configuration of the proxy NAME, which tests/e2e/test_proxies.py runs.

``<!-- yaml -->``
    It is a configuration in YAML of a program that the tests cannot run.

Every block of Python needs such a comment, so that each of this library is run.
tests/test_blocks.py sees that no block of another language is forgotten.
"""

import ast
import inspect
import os
import re
import runpy
import shlex
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import urlopen

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import twisted_sse
from tests.support.certificates import write_certificate
from tests.support.curl import CurlStream, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.reference import metric_table, option_table
from tests.support.streams import RawStream
from tests.support.tokens import pem, signer
from tests.support.waiting import PATIENCE, eventually
from twisted_sse import Connection, EndReason, Hub, Receipt, errors
from twisted_sse.events.control import OPEN, RESET
from twisted_sse.events.preamble import ResetReason
from twisted_sse.server.tap import Options

__all__ = [
    "ArchitectureTests",
    "BenchmarkTests",
    "CommandLineTests",
    "CurlTests",
    "LinkTests",
    "NginxTests",
    "ProgramTests",
    "ReferenceTests",
    "ServerTests",
    "Snippet",
    "documented_modules",
    "marked",
    "snippets",
]

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    ROOT / "examples" / "README.md",
]

# The package as it is installed, which need not lie beside the documentation.
_PACKAGE = Path(twisted_sse.__file__).parent

_FENCE = re.compile(
    r"^(?:<!-- (?P<mark>.+?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)


class Snippet(NamedTuple):
    """
    A block of code.

    Attributes:
        place: The file and the line.

        document: The file.

        language: The language that the block names; may be empty.

        mark: The words of the comment before the block.

        text: The code.
    """

    place: str
    document: Path
    language: str
    mark: list[str]
    text: str


@cache
def snippets() -> list[Snippet]:
    """
    All blocks of code in all documents.
    """
    return [snippet for document in DOCUMENTS for snippet in _snippets_of(document)]


def _snippets_of(document: Path) -> Iterator[Snippet]:
    text = document.read_text("utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text"))
        mark = (found["mark"] or "").split()
        yield Snippet(f"{document.name}:{line}", document, found["language"], mark, found["text"])


def marked(word: str) -> list[Snippet]:
    """
    The snippets whose comment begins with *word*, at least one.
    """
    found = [snippet for snippet in snippets() if snippet.mark[:1] == [word]]
    assert found, f"nothing is marked as {word}"
    return found


def commands(*languages: str) -> Iterator[tuple[str, str]]:
    """
    The lines of all snippets in one of *languages*, continued lines joined, with their places.
    """
    for snippet in snippets():
        if snippet.language in languages:
            for line in snippet.text.replace("\\\n", " ").splitlines():
                yield snippet.place, line


def section(document: str, heading: str) -> str:
    """
    The text in *document* under *heading*, up to the next heading of any level.
    """
    text = ROOT.joinpath(document).read_text("utf-8")
    return re.split(r"^#+ ", text.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def first_cells(table: str) -> list[str]:
    """
    The first cells of the rows of all tables in *table*, without the heads.
    """
    rows = re.findall(r"^\| (.+?) \| ", re.sub(r"^\|.*\|\n\|-.*\n", "", table, flags=re.M), re.M)
    return [str(row) for row in rows]


class ProgramTests(SynchronousTestCase):
    """
    Python in the documentation.
    """

    MARKS = (
        *("embeds", "runs", "makes", "serves", "generates", "follows", "publishes", "tests"),
        *("answers", "deploys", "joins", "excerpt", "original"),
    )

    def test_marked(self) -> None:
        """
        Every block of Python compiles and says how it is tested.
        """
        for snippet in snippets():
            if snippet.language == "python":
                compile(snippet.text, snippet.place, "exec")

                self.assertIn(snippet.mark[:1], [[one] for one in self.MARKS], snippet)

    def test_runs(self) -> None:
        """
        A program runs to its end.
        """
        running = [(each, Background([sys.executable, "-c", each.text])) for each in marked("runs")]
        for _, program in running:
            self.addCleanup(program.end)

        for snippet, program in running:
            self.assertEqual((program.wait(), program.output()), (0, ""), snippet.place)

    def test_makes(self) -> None:
        """
        A program that needs certificates finds them next to it, and runs to its end.
        """
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        certificate, key = write_certificate(directory)
        directory.joinpath("ca.pem").write_bytes(certificate.read_bytes())
        both = certificate.read_bytes() + key.read_bytes()
        directory.joinpath("client.pem").write_bytes(both)
        for snippet in marked("makes"):
            runner = ["env", f"--chdir={directory}", sys.executable, "-c", snippet.text]
            program = Background(runner)
            self.addCleanup(program.end)

            self.assertEqual((program.wait(), program.output()), (0, ""), snippet.place)

    def test_follows(self) -> None:
        """
        A program that follows a hub prints what is published.
        """
        hub = HubProcess()
        self.addCleanup(hub.stop)
        for snippet in marked("follows"):
            text = snippet.text.replace("8080", str(hub.port))
            program = Background([sys.executable, "-u", "-c", text])
            self.addCleanup(program.end)

            def heard(program: Background = program) -> bool:
                self.assertTrue(program.running(), program.output())
                publish(hub.url, TOKEN, "news", "hello")
                return "hello" in program.output()

            eventually(heard, snippet.place)

    def test_publishes(self) -> None:
        """
        A program that publishes gets an ID and the number of subscribers.
        """
        hub = HubProcess()
        self.addCleanup(hub.stop)
        for snippet in marked("publishes"):
            text = snippet.text.replace("8080", str(hub.port))
            program = Background(["env", f"TOKEN={TOKEN}", sys.executable, "-c", text])
            self.addCleanup(program.end)

            self.assertEqual(program.wait(), 0, program.output())
            self.assertRegex(program.output(), r"^\S+-\d+ 0\n$", snippet.place)

    def test_tests(self) -> None:
        """
        A test passes on the last program before it.
        """
        for snippet in marked("tests"):
            before = snippets()[: snippets().index(snippet)]
            tested = [each for each in before if each.language == "python"][-1]
            runner = [sys.executable, "-m", "twisted.trial", snippet.mark[1]]
            files = {f"{snippet.mark[2]}.py": tested.text, f"{snippet.mark[1]}.py": snippet.text}
            program = Background(["env", "--unset=PYTHONSAFEPATH", *runner], files=files)
            self.addCleanup(program.end)

            self.assertEqual(program.wait(), 0, program.output())


class ServerTests(SynchronousTestCase):
    """
    Servers in the documentation.
    """

    def serve(self, snippet: Snippet) -> int:
        """
        Run *snippet* on a port of its own, next to the files of its document.
        """
        port = free_port()
        text = snippet.text.replace("8080", str(port))
        beside = [one for one in snippets() if one.document == snippet.document]
        files = {one.mark[1]: one.text for one in beside if one.mark[:1] == ["file"]}
        program = Background([sys.executable, "-c", text], files=files)
        self.addCleanup(program.end)
        eventually(lambda: self.listens(port, program), f"{snippet.place} does not listen")
        return port

    def listens(self, port: int, program: Background) -> bool:
        """
        Whether *program* accepts connections.
        """
        self.assertTrue(program.running(), program.output())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def test_generates(self) -> None:
        """
        The stream contains what the generator yields.
        """
        for snippet in marked("generates"):
            stream = RawStream(self.serve(snippet), snippet.mark[1])
            self.addCleanup(stream.close)

            self.assertEqual(stream.data(1), [snippet.mark[2]], snippet.place)

    def test_serves(self) -> None:
        """
        A server answers with a stream.
        """
        for snippet in marked("serves"):
            stream = RawStream(self.serve(snippet), snippet.mark[1])
            self.addCleanup(stream.close)

            self.assertEqual(stream.status, "HTTP/1.1 200 OK", snippet.place)
            self.assertEqual(stream.named(OPEN).json()["resumed"], False, snippet.place)

    def test_tutorial(self) -> None:
        """
        The tutorial's wall serves its page, and sends every note to all.
        """
        (snippet,) = (one for one in marked("serves") if one.document.name == "tutorial.md")
        (page,) = (one for one in marked("file") if one.document == snippet.document)
        port = self.serve(snippet)
        stream = RawStream(port, "/events")
        self.addCleanup(stream.close)
        stream.named(OPEN)

        with urlopen(f"http://localhost:{port}/", None, PATIENCE) as response:
            self.assertEqual(response.read().decode("utf-8"), page.text)
        with urlopen(f"http://localhost:{port}/notes", b"hello", PATIENCE) as response:
            written = response.read().decode("utf-8")

        event = stream.named("note")
        self.assertEqual((event.id, event.data), (written, '{"text":"hello"}'))


class CommandLineTests(SynchronousTestCase):
    """
    Command lines in the documentation.
    """

    def setUp(self) -> None:
        """
        Make the files that the command lines name.
        """
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        certificate, key = write_certificate(directory)
        tokens = directory / "tokens"
        tokens.write_text("a-token\n", "utf-8")
        public = directory / "public.pem"
        public.write_bytes(pem(signer("RS256")))
        self.files = {
            "--publish-token-file": str(tokens),
            "--tls-cert": str(certificate),
            "--tls-key": str(key),
            "--tls-client-ca": str(certificate),
            **{f"--jwt-{role}key-file": str(public) for role in ("", "publisher-")},
        }
        configuration = directory / "hub.toml"
        (block,) = (one for one in snippets() if one.language == "toml" and "hub.toml" in one.text)
        configuration.write_text(self.local(block.text), "utf-8")
        self.files["--config"] = str(configuration)

    def local(self, text: str) -> str:
        """
        Replace the files that *text*, a configuration file, names.
        """
        text = text.replace("/etc/sse/tokens", self.files["--publish-token-file"])
        return text.replace("sqlite:/var/lib/sse/", f"sqlite:{self.mktemp()}")

    def check(self, words: list[str]) -> int | str | None:
        """
        Check these options of ``twistd sse``, and return the exit status.
        """
        before = ["", *words]
        words = [self.files.get(last, word) for last, word in zip(before, words, strict=False)]
        # The directory of the file must exist.
        words = [f"sqlite:{self.mktemp()}" if "sqlite:/" in word else word for word in words]
        # Only systemd itself can pass a socket; tests/e2e/test_takeover.py does what it does.
        words = ["8080" if word.startswith("systemd:") else word for word in words]
        tokens = self.files["--publish-token-file"]
        words = [word.replace("=upstream-token", f"={tokens}") for word in words]
        words = [re.sub(r"=/etc/sse/\w+-password", f"={tokens}", word) for word in words]
        # A successful check is reported on stdout.
        self.patch(sys, "stdout", open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        self.addCleanup(sys.stdout.close)
        with self.assertRaises(SystemExit) as caught:
            Options().parseOptions([*words, "--check-config"])
        code: int | str | None = caught.exception.code
        return code

    def test_twistd(self) -> None:
        """
        The hub accepts the options of every line that starts one.
        """
        found = 0
        for place, line in commands("sh", "ini"):
            words = shlex.split(line, comments=True)
            if re.search(r"\btwistd -n .*\bsse\b", line):
                found += 1

                self.assertEqual(self.check(words[words.index("sse") + 1 :]), 0, place)
        self.assertGreater(found, 8)

    def test_make(self) -> None:
        """
        Every named target of make exists.
        """
        targets = re.findall(r"^(\w+):", ROOT.joinpath("Makefile").read_text("utf-8"), re.M)

        for place, line in commands("sh"):
            if line.startswith("make "):
                self.assertIn(line.split()[1], targets, place)


class CurlTests(SynchronousTestCase):
    """
    Lines with curl, each of which can be pasted while a hub runs.
    """

    def test_curl(self) -> None:
        """
        Each opens a stream, or succeeds.
        """
        hub = HubProcess("--presence", "yes")
        self.addCleanup(hub.stop)
        find_program("curl", "curl")
        lines = [
            (place, line)
            for place, line in commands("sh")
            if line.startswith("curl") and "http://localhost:8080" in line
        ]
        self.assertGreater(len(lines), 3)

        for place, line in lines:
            pasted = line.replace("curl ", "curl --silent --show-error --fail ", 1)
            pasted = pasted.replace("8080", str(hub.port))
            program = Background(["env", f"TOKEN={TOKEN}", "sh", "-c", pasted])
            self.addCleanup(program.end)
            if " -N " in line:
                eventually(partial(self.begun, program), place)
            else:
                self.assertEqual(program.wait(), 0, place + program.output())

    def begun(self, program: Background) -> bool:
        """
        Whether a stream has begun.
        """
        return "event: stream-" in program.output()


class NginxTests(SynchronousTestCase):
    """
    The hub behind nginx, with the configuration of the how-to.
    """

    def start_nginx(self, upstream: int) -> int:
        """
        Run nginx in front of the hub on the port *upstream*.

        Returns:
            The port that it serves TLS on.
        """
        path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
        program = shutil.which("nginx", path=path) or find_program("nginx", "nginx")
        port = free_port()
        home = Path(self.mktemp()).resolve()
        home.mkdir()
        home.joinpath("nginx.conf").write_text(self.configuration(home, port, upstream), "utf-8")
        nginx = Background([program, "-p", f"{home}/", "-c", "nginx.conf", "-e", "stderr"])
        self.addCleanup(nginx.end)
        eventually(lambda: self.listens(port, nginx), "nginx does not listen")
        return port

    def configuration(self, home: Path, port: int, upstream: int) -> str:
        """
        A complete configuration around the how-to's server, with other ports and certificates.
        """
        (snippet,) = marked("nginx")
        certificate, key = write_certificate(home)
        server = snippet.text.replace(":8080", f":{upstream}").replace("443 ssl", f"{port} ssl")
        server = re.sub(r"(ssl_certificate) .*;", rf"\1 {certificate};", server)
        server = re.sub(r"(ssl_certificate_key) .*;", rf"\1 {key};", server)
        kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        paths = "\n".join(f"{kind}_temp_path {home}/{kind};" for kind in kinds)
        around = f"daemon off; pid {home}/pid; worker_processes 1; events {{}}\n"
        return f"{around}http {{ access_log off; {paths}\n{server} }}\n"

    def listens(self, port: int, nginx: Background) -> bool:
        """
        Whether nginx accepts connections.
        """
        self.assertTrue(nginx.running(), nginx.output())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def test_nginx(self) -> None:
        """
        A stream begins at once over HTTP/2, and an event that is published through nginx arrives.
        """
        hub = HubProcess()
        self.addCleanup(hub.stop)
        url = f"https://localhost:{self.start_nginx(hub.port)}"
        stream = CurlStream("--insecure", "--http2", f"{url}/events?topic=news")
        self.addCleanup(stream.close)
        stream.wait_for("event: stream-open")

        publish(url, TOKEN, "news", "through nginx")
        stream.wait_for("data: through nginx\n\n")

        self.assertTrue(stream.output().startswith("HTTP/2 200"))


class ReferenceTests(SynchronousTestCase):
    """
    The reference lists everything that exists, and nothing else.
    """

    text = ROOT.joinpath("docs", "reference.md").read_text("utf-8")

    def options_in(self, table: str) -> set[str]:
        """
        The options in the first column of *table*.
        """
        return set(re.findall(r"`--([\w-]+)`", " ".join(first_cells(table))))

    def members_in(self, heading: str) -> set[str]:
        """
        The names that the first column of the last table under *heading* gives.
        """
        table = section("docs/reference.md", heading).rstrip().rpartition("\n\n")[2]
        cells = " ".join(first_cells(f"{table}\n"))
        return set(re.findall(r"`(\w+)[(`]", cells))

    def test_options(self) -> None:
        """
        The table of options is the one that the code makes.
        """
        self.assertIn(option_table(), self.text, "run python -m tests.support.reference")

    def test_metrics(self) -> None:
        """
        The table of metrics is the one that the code makes.
        """
        self.assertIn(metric_table(), self.text, "run python -m tests.support.reference")

    def test_help(self) -> None:
        """
        The table lists what ``twistd sse --help`` lists.
        """
        usage = Options().getUsage()
        there = set(re.findall(r"--([\w-]+?)=? ", usage.partition("Options:")[2]))

        self.assertEqual(self.options_in(section("docs/reference.md", "Command line")), there)

    def test_statuses(self) -> None:
        """
        Every status of an error, and no other, is there.
        """
        listed = first_cells(section("docs/reference.md", "Errors"))
        numbers = {int(cell) for cell in listed if cell.isdigit()}

        self.assertEqual(numbers, set(_statuses()))

    def test_names(self) -> None:
        """
        Every public name, every error, and every argument of a hub is there.
        """
        arguments = list(inspect.signature(Hub).parameters)
        words = set(re.findall(r"\w+", self.text))

        for name in [*twisted_sse.__all__, *errors.__all__, *arguments]:
            self.assertIn(name, words)

    def test_documented_modules(self) -> None:
        """
        Every name that a module of the reference exports is there.
        """
        code = " ".join(re.findall(r"`([^`\n]+)`", self.text))
        words = set(re.findall(r"\w+", code))
        self.assertGreater(len(documented_modules()), 8)

        for name in documented_modules():
            self.assertEqual(set(import_module(name).__all__) - words, set(), name)

    def test_hub(self) -> None:
        """
        Every public member of a hub, and no other, is there.
        """
        members = {name for name in dir(Hub(reactor=Clock())) if name[0] != "_"}

        self.assertEqual(self.members_in("`Hub`"), members)

    def test_connection(self) -> None:
        """
        Every member of a connection that is listed exists.
        """
        listed = self.members_in("`Connection`")

        self.assertGreater(len(listed), 10)
        self.assertLessEqual(listed, set(dir(Connection)))

    def test_end_reasons(self) -> None:
        """
        Every reason why a connection ends, and no other, is there.
        """
        self.assertEqual(self.members_in("`EndReason`"), set(EndReason.__members__))

    def test_receipt(self) -> None:
        """
        Every field of a receipt is there.
        """
        text = section("docs/reference.md", "`Receipt`")

        for name in Receipt._fields:
            self.assertIn(f"`{name}`", text)

    def test_control_events(self) -> None:
        """
        Every control event and every reason of a gap is there.
        """
        for name in [OPEN, RESET, *(gap.value for gap in ResetReason)]:
            self.assertIn(f"| `{name}` |", self.text)


@cache
def documented_modules() -> list[str]:
    """
    The modules that the reference names.
    """
    tool = runpy.run_path(str(ROOT.joinpath("docs", "_site", "publicmodules.py")))
    found: list[str] = tool["public_modules"](ReferenceTests.text)
    return found


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _statuses() -> Iterator[int]:
    """
    The statuses of errors in the code.
    """
    for path in _PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _callee(node) in ("Problem", "Refusal", "refuse"):
                status = node.args[0]
                if isinstance(status, ast.Constant):
                    yield int(str(status.value))
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_STATUS":
                yield from (int(str(one.value)) for one in node.value.values)  # type: ignore


def _callee(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


class LinkTests(SynchronousTestCase):
    """
    The links between documents.
    """

    def anchors(self, document: Path) -> set[str]:
        """
        The anchors of *document*, as GitHub makes them from its headings.
        """
        text = _FENCE.sub("", document.read_text("utf-8"))
        headings = re.findall(r"^#+ (.+)$", text, re.M)
        return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}

    def test_links(self) -> None:
        """
        Every relative link leads to an existing file, and to a heading in it.
        """
        for document in DOCUMENTS:
            text = _FENCE.sub("", document.read_text("utf-8"))
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if "://" in target:
                    continue
                path, _, anchor = target.partition("#")
                file = (document.parent / path).resolve() if path else document
                place = f"{document.name}: {target}"

                self.assertTrue(file.exists(), place)
                if anchor:
                    self.assertIn(anchor, self.anchors(file), place)

    def test_outside(self) -> None:
        """
        Every link to elsewhere is a whole URL of HTTPS; nothing is asked over the network.
        """
        found = 0
        for document in DOCUMENTS:
            text = _FENCE.sub("", document.read_text("utf-8"))
            for target in re.findall(r"\]\((\w+:[^)]+)\)", text):
                found += 1
                parts = urlsplit(target)
                is_whole = parts.scheme == "https" and "." in parts.netloc

                self.assertTrue(is_whole and not re.search(r"\s", target), target)
        self.assertGreater(found, 20)


class BenchmarkTests(SynchronousTestCase):
    """
    The page about benchmarks.
    """

    def test_summary(self) -> None:
        """
        The six rows at the beginning say what the measured table says.
        """
        text = ROOT.joinpath("docs", "benchmarks.md").read_text("utf-8")
        summary, measured = text.split("<!-- benchmarks: begin -->")
        rows = re.findall(r"^\| (\w.+ \| .+ \| .+ \| .+) \|$", summary, re.M)[1:]

        self.assertEqual(len(rows), 6)
        for row in rows:
            self.assertIn(f"\n| {row} | ", measured)

    def test_cited(self) -> None:
        """
        The pages that cite figures cite those that were measured.
        """
        text = ROOT.joinpath("docs", "benchmarks.md").read_text("utf-8")
        for page in ("index.md", "how-to/size.md"):
            cited = ROOT.joinpath("docs", page).read_text("utf-8")
            figures = re.findall(r"\b[\d.,]+ (?:µs|KiB|\u00d7|/s)", cited)
            self.assertGreater(len(figures), 1)

            self.assertEqual([one for one in figures if f" {one}" not in text], [], page)


class Module(NamedTuple):
    """
    What a file of the package defines.

    Attributes:
        path: Relative to the package.

        names: Its functions, classes and constants, and members as ``Class.member``.

        bases: The names of the base classes of each class.
    """

    path: str
    names: set[str]
    bases: dict[str, list[str]]


@cache
def _modules() -> list[Module]:
    return [_module(path) for path in sorted(_PACKAGE.rglob("*.py"))]


def _module(path: Path) -> Module:
    tree = ast.parse(path.read_text("utf-8"))
    names = set(_defined(tree.body))
    bases: dict[str, list[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            bases[node.name] = [ast.unparse(one).partition("[")[0] for one in node.bases]
            names.update(f"{node.name}.{one}" for one in _members(node))
    return Module(str(path.relative_to(_PACKAGE)), names, bases)


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (one.id for one in targets if isinstance(one, ast.Name))


def _members(node: ast.ClassDef) -> Iterator[str]:
    yield from _defined(node.body)
    for one in ast.walk(node):
        is_own = isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store)
        if is_own and isinstance(one.value, ast.Name) and one.value.id == "self":
            yield one.attr


class ArchitectureTests(SynchronousTestCase):
    """
    The page about the architecture: what it names exists, where it says so.
    """

    text = ROOT.joinpath("docs", "architecture.md").read_text("utf-8")
    contributing = ROOT.joinpath("CONTRIBUTING.md").read_text("utf-8")

    def has(self, name: str, modules: Iterable[Module]) -> bool:
        """
        Whether one of *modules* defines *name*, or a base class of its class does.
        """
        owner, _, member = name.partition(".")
        for module in modules:
            inherited = [f"{base}.{member}" for base in module.bases.get(owner, []) if member]
            if name in module.names or any(self.has(one, _modules()) for one in inherited):
                return True
        return False

    def test_paths(self) -> None:
        """
        Every file and every folder exists, also those that the guide for contributors names.
        """
        text = self.text + self.contributing
        words = re.findall(r"[`\"]([\w/]+(?:/|\.py|\.md))[`\"]", text)
        paths = [word for word in words if "NAME" not in word]
        self.assertGreater(len(paths), 50)

        missing = [
            path
            for path in paths
            if not any(one.joinpath(path).exists() for one in (_PACKAGE, ROOT))
        ]
        self.assertEqual(missing, [])

    def test_names(self) -> None:
        """
        Every name of a class, a function or a member is in the package.
        """
        words = set(re.findall(r"`([A-Za-z_][\w.]*)`", self.text))
        files = {word for word in words if word.endswith((".py", ".md"))}
        names = words - files - {"Accept", "authorize", "send"}
        self.assertGreater(len(names), 40)

        missing = [name for name in sorted(names) if not self.has(name, _modules())]
        self.assertEqual(missing, [])

    def test_steps(self) -> None:
        """
        Both ways give for each call the file that defines it.
        """
        steps = re.findall(r"^\| `([\w/]+\.py)` \| (`[^|]+`) \| ", self.text, re.M)
        self.assertGreater(len(steps), 30)

        wrong = [
            (path, name)
            for path, names in steps
            for name in re.findall(r"`([^`]+)`", names)
            if not self.has(name, [one for one in _modules() if one.path == path])
        ]
        self.assertEqual(wrong, [])
