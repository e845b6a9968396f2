"""
Runs seen from outside: ``twisted-sse runs``, and the dashboard in Chromium.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.support.accessibility import faults_of
from tests.support.commands import Done, Running, run_command
from tests.support.curl import curl
from tests.support.pages import PageTests, ProgramTests
from tests.support.ports import free_port
from tests.support.processes import Background
from tests.support.waiting import eventually

__all__ = ["RunPageTests", "RunsCommandTests"]

_PROGRAM = str(Path(__file__).with_name("runsprogram.py"))


class _RunsProgram(ProgramTests):
    def begin(self, *names: str) -> None:
        """
        Begin runs.
        """
        for name in names:
            curl(f"http://localhost:{self.port}/runs/{name}", "--request", "POST")

    def state(self, name: str) -> str:
        """
        Return the state of a run.
        """
        answer = curl(f"http://localhost:{self.port}/admin/runs/{name}")
        found: str = json.loads(answer.body)["state"]
        return found


class RunsCommandTests(_RunsProgram):
    """
    ``twisted-sse runs``.
    """

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share the program.
        """
        cls.port = free_port()
        program = Background([sys.executable, _PROGRAM, str(cls.port)])
        cls.addClassCleanup(program.end)
        eventually(lambda: "ready" in program.output(), "the program does not begin")

    def ask(self, *options: str) -> Done:
        """
        Run the command.
        """
        return run_command("runs", f"localhost:{self.port}/admin", *options)

    def test_list(self) -> None:
        """
        People are shown a table, the newest first; scripts get JSON.
        """
        self.begin("short-list", "list")
        eventually(lambda: self.state("short-list") == "done", "it does not end")

        done = self.ask("-q", "list")

        self.assertEqual((done.status, done.err), (0, ""))
        heads, *rows = done.out.splitlines()
        self.assertEqual(heads.split()[:4], ["name", "user", "age", "state"])
        self.assertEqual([row.split()[0] for row in rows], ["list", "short-list"])
        newest = self.ask("--json", "-q", "list", "-n", "1")
        row = json.loads(newest.out)
        self.assertEqual((row["name"], row["user"], row["state"]), ("list", "ada", "running"))
        self.assertEqual(newest.err, "There are more runs than these.\n")

    def test_follow(self) -> None:
        """
        A run is followed from its first event to its end, which the exit status tells.
        """
        self.begin("short", "long")
        done = self.ask("--follow", "short", "--json")
        following = Running("runs", f"localhost:{self.port}/admin", "--follow", "long", "--json")
        self.addCleanup(following.close)
        words = [json.loads(following.line())["data"] for _ in range(2)]
        cancelled = self.ask("--cancel", "long")
        ended = following.end()

        self.assertEqual([json.loads(line)["data"] for line in done.out.splitlines()], words)
        self.assertEqual(words, ["one", "two"])
        self.assertEqual((done.status, done.err), (0, "short has ended: done.\n"))
        self.assertEqual((cancelled.status, cancelled.err), (0, "long is cancelled.\n"))
        self.assertEqual((ended.status, ended.err), (2, "long has ended: cancelled.\n"))
        self.assertEqual(self.ask("--cancel", "long").err, "long has ended before: cancelled.\n")

    def test_refused(self) -> None:
        """
        A run that is not there, and a filter that nothing matches, are told in one sentence.
        """
        cases = [
            (("--follow", "nothing"), "There is no run with this name"),
            (("--state", "asleep"), "state is one of running, done"),
        ]
        for arguments, sentence in cases:
            done = self.ask(*arguments)

            self.assertEqual((done.status, done.out), (2, ""), done.err)
            self.assertIn(sentence, done.err)
            self.assertEqual(len(done.err.splitlines()), 1, done.err)


class RunPageTests(PageTests, _RunsProgram):
    """
    The dashboard.
    """

    ROWS = "document.querySelectorAll('#run-rows tr[data-id]')"

    def setUp(self) -> None:
        """
        Open the page of a program with no run yet.
        """
        self.serve(_PROGRAM, "PORT")
        self.browser.emulate(1280, 900)
        self.show("/admin/dashboard")
        self.wait("document.getElementById('status').dataset.state === 'open'")

    def run_script(self, script: str) -> Any:
        """
        Run *script* in the page.
        """
        return self.browser.run(script)

    def test_cancel(self) -> None:
        """
        Runs are shown when there is one, found, and cancelled with one button.
        """
        self.assertTrue(self.run_script("return document.getElementById('runs').hidden"))
        self.begin("short", "long", "other")
        self.wait(f"{self.ROWS}.length === 3")
        texts = f"[...{self.ROWS}].map((row) => row.cells[0].textContent).join()"
        self.wait(f"{texts} === 'other,long,short'")
        self.wait(f"{self.ROWS}[2].querySelector('button').hidden")

        self.run_script(
            "const field = document.getElementById('run-text'); field.value = 'long';"
            "field.dispatchEvent(new Event('input', {bubbles: true}))"
        )
        self.wait(f"{self.ROWS}.length === 1")
        self.run_script(f"{self.ROWS}[0].querySelector('button').click()")
        self.assertEqual(faults_of(self.browser), [])
        self.run_script("document.querySelector('#cancelling .danger').click()")

        self.wait(f"{self.ROWS}[0].cells[4].textContent === 'cancelled'")
        self.assertEqual((self.state("long"), self.state("other")), ("cancelled", "running"))

    def test_phone(self) -> None:
        """
        On a phone the rows are cards, and nothing is cut.
        """
        self.begin("a-long-name-that-does-not-fit-into-a-line-of-a-phone-at-all-or-does-it")
        self.browser.emulate(390, 844, dark=True)
        self.wait(f"{self.ROWS}.length === 1")

        self.assertLessEqual(self.run_script("return document.documentElement.scrollWidth"), 390)
        right = f"{self.ROWS}[0].querySelector('button').getBoundingClientRect().right <= 390"
        self.assertTrue(self.run_script(f"return {right}"))
        self.assertEqual(faults_of(self.browser), [])
