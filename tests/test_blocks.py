"""
Every block of code in the documentation is run, or says what it is.

tests/test_docs.py describes the comments that say how a block is run.  These say what else it is:

``<!-- output TEST -->``
    What a program prints; the file TEST runs one that does.

``<!-- foreign -->``
    It configures another program, and is not run.

``<!-- drawing -->``
    It is no code.

``<!-- crontab -->``
    A line of a crontab.

``<!-- systemd -->``
    A unit of deploy/, or a change to one; tests/e2e/test_systemd.py runs it.

``<!-- claims -->``
    The claims of a JSON Web Token.

Lines of shells are not run if they change the machine, need root, or fetch a package: then their
syntax is checked, and what they name of the repository exists.
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.test_page_scripts import page_scripts
from tests.support.processes import find_program
from tests.support.tokens import SECRET, pem, signed, signer
from tests.support.waiting import PATIENCE
from tests.test_docs import ROOT, Snippet, marked, snippets
from twisted_sse.cli.program import ProgramOptions
from twisted_sse.history.sqlite.file import open_database
from twisted_sse.server.tap import Options
from twisted_sse.web.tokens.keys import key_from_text
from twisted_sse.web.tokens.sources import FixedKey
from twisted_sse.web.tokens.verification import Rules, Verifier

__all__ = ["ClaimTests", "CompletenessTests", "ConfigurationTests", "ShellTests"]

# The comments that each language may have, besides those that other tests know.
_MARKS = {
    "": {"output"},
    "apache": {"proxy"},
    "caddy": {"proxy"},
    "haproxy": {"proxy"},
    "html": {"answers", "deploys", "file"},
    "ini": {"deploys", "foreign", "systemd", "unit"},
    "js": {"excerpt", "node", "original"},
    "json": {"claims", "output"},
    "jsx": {"excerpt"},
    "nginx": {"nginx"},
    "php": {"php"},
    "text": {"crontab", "drawing", "file", "output"},
    "vcl": {"proxy"},
    "yaml": {"foreign", "yaml"},
}

# All blocks of these are run by one test each, or by those of this file.
_RUN = {
    "console": "tests/test_blocks.py",
    "mermaid": "tests/e2e/test_site.py",
    "python": "tests/test_docs.py",
    "sh": "tests/test_blocks.py",
    "sql": "tests/e2e/test_postgres.py",
    "toml": "tests/test_docs.py",
}


class CompletenessTests(SynchronousTestCase):
    """
    All blocks.
    """

    def test_found(self) -> None:
        """
        No block is hidden from the tests, by its indentation or without a fence.
        """
        for document in {one.document for one in snippets()}:
            text = document.read_text("utf-8")
            known = sum(one.document == document for one in snippets())

            self.assertEqual(len(re.findall(r"^\s*```", text, re.M)), 2 * known, document)
            rest = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
            self.assertNotRegex(rest, r"\n\n {4}\S", document)

    def test_known(self) -> None:
        """
        Every block is run by a test, or has a comment that says what it is.
        """
        pages = [*page_scripts(), *marked("file"), *_components()]
        unknown = [
            one.place
            for one in snippets()
            if one.language not in _RUN
            and not set(one.mark[:1]) & _MARKS.get(one.language, set())
            and one not in pages
        ]

        self.assertEqual(unknown, [], "see the beginning of tests/test_blocks.py")

    def test_outputs(self) -> None:
        """
        The file exists that shows what a program prints, and what is printed as JSON is JSON.
        """
        for snippet in marked("output"):
            self.assertTrue(ROOT.joinpath(snippet.mark[1]).exists(), snippet.place)
            if snippet.language == "json":
                json.loads(snippet.text)

    def test_one_document(self) -> None:
        """
        The tests that run all blocks of a language in one document have not missed another.
        """
        for language, name in (("sql", "postgresql.md"), ("toml", "configuration.md")):
            documents = {one.document.name for one in snippets() if one.language == language}

            self.assertEqual(documents, {name})


def _components() -> list[Snippet]:
    """
    What tests/e2e/test_react.py runs.
    """
    return [one for one in snippets() if one.language == "jsx" and not one.mark]


class ConfigurationTests(SynchronousTestCase):
    """
    What the page about configuration files says that is printed.
    """

    def setUp(self) -> None:
        """
        Put the file of the page into the working directory.
        """
        (block,) = (one for one in snippets() if one.language == "toml")
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        tokens = directory / "tokens"
        tokens.write_text("a-token\n", "utf-8")
        self.text = block.text.replace("/etc/sse/tokens", str(tokens))
        self.text = self.text.replace("/var/lib/sse/", f"{directory}/")
        self.path = directory / "hub.toml"

    def outputs(self) -> list[Snippet]:
        """
        What the page says.
        """
        return [one for one in marked("output") if one.mark[1] == "tests/test_blocks.py"]

    def run_with(self, text: str, retry: str, option: str) -> str:
        """
        Return what a hub prints with *text* as its file, or its one sentence.
        """
        self.path.write_text(text, "utf-8")
        printed = StringIO()
        with patch.dict(os.environ, {"TWISTED_SSE_RETRY": retry}), redirect_stdout(printed):
            caught = self.assertRaises(
                SystemExit, Options().parseOptions, ["--config", str(self.path), option]
            )
        message = printed.getvalue() if caught.code == 0 else str(caught)
        return message.replace(str(self.path), "hub.toml")

    def test_errors(self) -> None:
        """
        Each of the three mistakes has its sentence.
        """
        said = next(one.text for one in self.outputs() if "did you mean" in one.text)
        wrong = (
            (self.text.replace("keepalive = 20", 'keepalive = "often"'), "5000"),
            (self.text.replace("max-body", "max_body"), "5000"),
            (self.text, "-1"),
        )

        sentences = [self.run_with(text, retry, "--check-config") for text, retry in wrong]
        self.assertEqual(sentences, said.splitlines())

    def test_print(self) -> None:
        """
        The lines are among those that are printed.
        """
        said = next(one.text for one in self.outputs() if "# default" in one.text)
        printed = self.run_with(self.text, "5000", "--print-config")
        lines = [re.sub(" +#", " #", line) for line in printed.splitlines()]

        for line in said.splitlines():
            self.assertIn(re.sub(" +#", " #", line), lines)


class ClaimTests(SynchronousTestCase):
    """
    The claims in the page about tokens.
    """

    def test_granted(self) -> None:
        """
        A hub understands them: they name a user, or grant topics.
        """
        for snippet in marked("claims"):
            claims = json.loads(snippet.text)
            rules = Rules()
            kind = "JWT"
            if issuer := claims.get("iss"):
                kind = "at+jwt"
                rules = Rules(audience=(claims["aud"],), issuer=issuer)
            header = {"typ": kind, "alg": "HS256"}
            source = FixedKey(key_from_text(SECRET, None))
            verifier = Verifier(source, rules, lambda claims=claims: claims["exp"] - 60.0)

            grant = verifier.verify(signed(claims, header=header).encode())
            self.assertEqual(grant.user, "ada", snippet.place)
            self.assertTrue(grant.subscribe, snippet.place)


class Line:
    """
    A command of a shell.

    Args:
        snippet: Its block.

        text: The whole line.

        words: The command, without what sets variables and redirects.
    """

    def __init__(self, snippet: Snippet, text: str, words: list[str]) -> None:
        self.snippet = snippet
        self.text = text
        self.words = words


def _lines(snippet: Snippet) -> Iterator[str]:
    """
    The commands of a block; in a console, the others are what they print.
    """
    text = snippet.text.replace("\\\n", " ")
    for line in text.splitlines():
        if snippet.language == "sh":
            yield line
        elif snippet.mark[:1] == ["crontab"]:
            yield line.split(maxsplit=5)[5]
        elif line.startswith("$ "):
            yield line.removeprefix("$ ")


def _commands() -> Iterator[Line]:
    for snippet in snippets():
        if snippet.language in ("sh", "console") or snippet.mark[:1] == ["crontab"]:
            for line in _lines(snippet):
                for words in _simple(line):
                    yield Line(snippet, line, words)


def _simple(line: str) -> Iterator[list[str]]:
    """
    The simple commands of a line.
    """
    line = re.sub(r"\$\([^)]*\)", "printed", line)
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    command: list[str] = []
    for word in [*reader, ";"]:
        if word in ("&&", "||", "|", ";"):
            while command and re.match(r"\w+=", command[0]):
                command.pop(0)
            if command:
                yield command
            command = []
        else:
            command.append(word)


class ShellTests(SynchronousTestCase):
    """
    Lines of shells.
    """

    def test_syntax(self) -> None:
        """
        A shell reads every block.
        """
        lines = [one for each in snippets() if each.language == "sh" for one in _lines(each)]
        script = "\n".join(["shown() {", *lines, "}"])

        done = subprocess.run(
            ["bash", "-n"], input=script, capture_output=True, text=True, timeout=PATIENCE
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_commands(self) -> None:
        """
        Every command is of a program that these tests know, and is right as far as they can tell.
        """
        found = set()
        for line in _commands():
            program = Path(line.words[0]).name or line.words[0]
            self.assertIn(program, self.CHECKS, f"{line.snippet.place}: {line.text}")
            found.add(program)

            self.CHECKS[program](self, line)
        self.assertEqual(found, set(self.CHECKS))

    def check_nothing(self, line: Line) -> None:
        """
        The syntax is all that can be checked.
        """

    def check_paths(self, line: Line) -> None:
        """
        What is named of the repository is there.
        """
        for word in line.words[1:]:
            path = word.removeprefix("../twisted_sse/")
            if re.match(r"(deploy|examples|tests|browser)(/|$)", path):
                self.assertTrue(ROOT.joinpath(path).exists(), line.text)

    def check_twisted_sse(self, line: Line) -> None:
        """
        The command line is understood.
        """
        words = list(line.words[1:])
        for mark in ("<", ">"):
            if mark in words:
                del words[words.index(mark) :]
        ProgramOptions().parseOptions([self.readable(word) for word in words])

    def readable(self, word: str) -> str:
        """
        A file with a key or a token in place of one that is named, and a store.
        """
        if not re.search(r"\.(token|key|pem)$|^sqlite:/", word):
            return word
        path = Path(self.mktemp()).resolve()
        if word.startswith("sqlite:"):
            open_database(str(path), "normal").close()
            return f"sqlite:{path}"
        path.write_bytes(pem(signer("RS256")) if word.endswith("pem") else SECRET)
        return str(path)

    def check_twistd(self, line: Line) -> None:
        """
        It starts a hub, which tests/test_docs.py checks, or a file of tests/e2e/test_embedding.py.
        """
        files = {one.mark[1] for one in marked("embeds")}
        is_hub = re.search(r"\btwistd (-n --pidfile= |-n )sse\b", line.text)
        is_embedded = line.words[-1] in {*files, "news.Root", "."}

        self.assertTrue(is_hub or is_embedded or "--help" in line.words, line.text)

    def check_curl(self, line: Line) -> None:
        """
        A test runs it: that of the whole URLs of a hub, or that of its document.
        """
        is_run = line.text.startswith("curl") and "http://localhost:8080" in line.text
        others = ("README.md", "admin.md", "authenticate.md", "tls.md")

        self.assertTrue(is_run or line.snippet.document.name in others, line.text)

    def check_make(self, line: Line) -> None:
        """
        The target exists.
        """
        text = ROOT.joinpath("Makefile").read_text("utf-8")

        self.assertRegex(text, rf"(?m)^{line.words[1]}:")

    def check_pip(self, line: Line) -> None:
        """
        It installs this package, with extras that exist.
        """
        target = line.words[-1]
        if target != ".":
            self.assertRegex(target, r"^(twisted-sse|\.)(\[\w+\])?$")
        for extra in re.findall(r"\[(\w+)\]", target):
            self.assertIn(f'"{extra}":', ROOT.joinpath("setup.py").read_text("utf-8"))

    def check_python(self, line: Line) -> None:
        """
        The program or the module exists, in the repository or in the document.
        """
        words = line.words[1:]
        if words[0] == "-c":
            compile(words[1], line.text, "exec")
        elif words[0] == "-m":
            module = words[1].split(".")
            is_ours = any(ROOT.joinpath(*module[:1]).glob("__init__.py"))
            self.assertTrue(is_ours or words[1] in ("venv", "twisted.trial"), line.text)
        elif words[0].startswith("examples/"):
            self.assertTrue(ROOT.joinpath(words[0]).exists(), line.text)
        else:
            text = line.snippet.document.read_text("utf-8")
            self.assertIn(words[0], text.replace(line.text, ""), line.text)

    def check_openssl(self, line: Line) -> None:
        """
        It is run.
        """
        openssl = find_program("openssl", "openssl")
        words = line.words[1:]
        if ">" in words:
            del words[words.index(">") :]
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()

        done = subprocess.run(
            [openssl, *words], cwd=directory, capture_output=True, timeout=PATIENCE, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    CHECKS: dict[str, Callable[..., None]] = {
        "curl": check_curl,
        "make": check_make,
        "openssl": check_openssl,
        "pip": check_pip,
        "python": check_python,
        "python3": check_python,
        "twistd": check_twistd,
        "twisted-sse": check_twisted_sse,
        **dict.fromkeys(("cd", "cp", "docker", "kubectl", "npm", "pytest"), check_paths),
        # Programs of shells and of the system.
        **dict.fromkeys(
            ("echo", "export", "groupadd", "install", "jq", "printf", "rm", "tail"), check_nothing
        ),
        **dict.fromkeys((".", "journalctl", "run", "systemctl", "towncrier"), check_nothing),
        "true": check_nothing,
    }
