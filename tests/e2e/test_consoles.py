"""
Consoles in the documentation: their commands are run, and print what it says.
"""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import CurlStream, curl, publish
from tests.support.hub_process import HubProcess
from tests.support.pages import ProgramTests
from tests.support.ports import free_port
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE
from tests.test_docs import Snippet, marked, snippets

__all__ = ["AdminTests", "AuthenticateTests", "CertificateTests", "TutorialTests"]


def _consoles(document: str) -> list[Snippet]:
    """
    The blocks of *document* that show a console.
    """
    return [
        one for one in snippets() if one.document.name == document and one.language == "console"
    ]


def _steps(console: Snippet) -> Iterator[tuple[list[str], str]]:
    """
    The commands of a console, and what each prints.
    """
    for step in console.text.replace("\\\n", " ").split("$ ")[1:]:
        command, _, printed = step.partition("\n")
        yield shlex.split(command), printed


def _arguments(words: list[str], port: str, other: int) -> list[str]:
    """
    The arguments of curl, with the port *other* in place of *port*.
    """
    assert words[0] == "curl", words
    return [word.replace(f"localhost:{port}", f"localhost:{other}") for word in words[1:]]


class AdminTests(SynchronousTestCase):
    """
    docs/how-to/admin.md.
    """

    def test_admin(self) -> None:
        """
        The lists have the members that are shown, and DELETE closes a connection.
        """
        port = free_port()
        hub = HubProcess("--admin", str(port))
        self.addCleanup(hub.stop)
        stream = RawStream(hub.port, "/events?topic=news")
        self.addCleanup(stream.close)
        stream.named("stream-open")

        connections, runs = _consoles("admin.md")
        (listing, shown), (deletion, _) = _steps(connections)
        found = self.compare(listing, shown, port)
        (name,) = (one["id"] for one in found["connections"])
        closing = [re.sub(r"/connections/\S+", f"/connections/{name}", word) for word in deletion]
        self.assertEqual(curl(*_arguments(closing, "9090", port)).status, 204)
        self.assertEqual(stream.named("bye").data, "Come back later.")

        (listing, shown), (deletion, _) = _steps(runs)
        self.compare(listing, shown, port)
        # There is no such run here.
        self.assertEqual(curl(*_arguments(deletion, "9090", port)).status, 404)

    def compare(self, command: list[str], shown: str, port: int) -> Any:
        """
        Run *command*, and compare the members of its answer with those of *shown*.
        """
        found, expected = curl(*_arguments(command, "9090", port)).json(), json.loads(shown)
        self.assertEqual(list(found), list(expected))
        for member, value in expected.items():
            if isinstance(value, list) and found[member]:
                self.assertEqual(set(found[member][0]), set(value[0]))
        return found


class AuthenticateTests(ProgramTests):
    """
    docs/how-to/authenticate.md.
    """

    def test_private(self) -> None:
        """
        Ada reads what is private, and others do not.
        """
        (program,) = (one for one in marked("serves") if one.document.name == "authenticate.md")
        (console,) = _consoles("authenticate.md")
        (publication, printed), (subscription, _) = _steps(console)
        self.serve("-c", program.text.replace("8080", "PORT"))

        answer = curl(*_arguments(publication, "8080", self.port))
        self.assertEqual(re.sub(r"\w+-", "-", answer.body), re.sub(r"\w+-", "-", printed.strip()))
        ada = CurlStream(*_arguments(subscription, "8080", self.port))
        self.addCleanup(ada.close)
        ada.wait_for("data: Your order is on its way.\n\n")
        other = CurlStream(*_arguments(subscription, "8080", self.port)[:-2])
        self.addCleanup(other.close)
        other.wait_for("event: stream-open")
        publish(f"http://localhost:{self.port}", "token-of-the-shop", "news", "for all")
        other.wait_for("data: for all\n\n")

        self.assertNotIn("Your order", other.output())


class CertificateTests(SynchronousTestCase):
    """
    docs/how-to/tls.md.
    """

    def test_made(self) -> None:
        """
        curl trusts the certificate that is made, and opens a stream.
        """
        (block,) = (one for one in snippets() if "-addext subjectAltName" in one.text)
        make, subscribe = block.text.replace("\\\n", " ").splitlines()
        home = Path(self.mktemp()).resolve()
        home.mkdir()
        subprocess.run(
            shlex.split(make), cwd=home, check=True, capture_output=True, timeout=PATIENCE
        )
        files = [f"--tls-{name}={home / name}.pem" for name in ("cert", "key")]
        hub = HubProcess(*files, tls=True)
        self.addCleanup(hub.stop)

        words = [
            word.replace("cert.pem", str(home / "cert.pem")) for word in shlex.split(subscribe)
        ]
        stream = CurlStream(*_arguments(words, "8443", hub.port))
        self.addCleanup(stream.close)
        stream.wait_for("event: stream-open")


class TutorialTests(SynchronousTestCase):
    """
    docs/tutorial.md, up to the program.
    """

    def shape(self, text: str) -> str:
        """
        *text* without what is different each time.
        """
        text = re.sub(r'"connection":"[^"]+"', '"connection":"NAME"', text)
        text = re.sub(r"\bretry: \d+", "retry: TIME", text)
        return re.sub(r"\b[0-9a-f]{8,}-", "EPOCH-", text)

    def test_outputs(self) -> None:
        """
        The log, the streams, and the reset after a restart are as it shows them.
        """
        shown = [
            self.shape(one.text) for one in marked("output") if one.document.name == "tutorial.md"
        ]
        advice, opened, event, reset = shown
        hub = HubProcess(token=None)
        self.addCleanup(hub.stop)
        log = re.sub(r"Bearer [\w-]+", "Bearer …", hub.log).replace(f":{hub.port}/", ":8080/")
        for line in advice.splitlines():
            self.assertIn(line, log)
        (pasted,) = re.findall(r"Publish: +(curl .+)", hub.log)

        stream = CurlStream(f"{hub.url}/events?topic=news")
        self.addCleanup(stream.close)
        stream.wait_for("event: stream-open")
        self.assertEqual(curl(*shlex.split(pasted)[1:]).status, 200)
        stream.wait_for("data: hello\n\n")
        self.assertIn(f"{opened}\n{event}", self.shape(stream.output()))

        (line,) = (one.text for one in snippets() if "-H 'Last-Event-ID: 84f1ac01-1'" in one.text)
        again = CurlStream(*_arguments(shlex.split(line), "8080", hub.port))
        self.addCleanup(again.close)
        again.wait_for("event: stream-reset")
        self.assertIn(f"{reset}\n", self.shape(again.output()))
