"""
The chat of the tutorial as it is deployed: with TLS, logins, a program with a token, and
restarts; and its unit for systemd.
"""

import os
import subprocess
import sys
from pathlib import Path

import jwt
from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsers import eventually_in
from tests.support.certificates import write_certificate
from tests.support.chromium import Chromium
from tests.support.curl import curl
from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.waiting import PATIENCE, eventually
from tests.test_docs import marked

__all__ = ["ChatTests", "UnitTests"]

_KEY = "a key of the tutorial, which has at least 256 bits"

_MESSAGES = "[...document.querySelectorAll('li')].map((item) => item.textContent)"


def _write_files(directory: Path) -> None:
    for snippet in marked("deploys"):
        directory.joinpath(snippet.mark[1]).write_text(snippet.text, "utf-8")


class ChatTests(SynchronousTestCase):
    """
    The program and its page.
    """

    def setUp(self) -> None:
        """
        Write the files, and start the browser.
        """
        self.home = Path(self.mktemp()).resolve()
        self.home.mkdir()
        _write_files(self.home)
        self.home.joinpath("chat.key").write_text(_KEY, "utf-8")
        certificate, key = write_certificate(self.home)
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        where = f"ssl:{self.port}:certKey={certificate}:privateKey={key}"
        self.command = [sys.executable, str(self.home / "chat.py"), where]
        self.browser = Chromium.shared()
        self.addCleanup(self.browser.close)

    def start(self) -> Background:
        """
        Run the program, as the unit does.
        """
        state = {"STATE_DIRECTORY": str(self.home), "CHAT_KEY": str(self.home / "chat.key")}
        program = Background(self.command, environment={**os.environ, **state})
        self.addCleanup(program.end)
        eventually(lambda: "starting on" in program.output(), "the chat does not listen")
        return program

    def say_by_token(self, text: str) -> None:
        """
        Have a program publish, with a token as ``twisted-sse token`` makes it.
        """
        claims = {"sub": "weather", "mercure": {"publish": ["chat"]}}
        token = jwt.encode(claims, _KEY, "HS256")
        answer = curl(
            *("--insecure", f"{self.url}/events"),
            *("--header", f"Authorization: Bearer {token}"),
            *("--data", "topic=chat", "--data", "type=said", "--data", "private=yes"),
            *("--data-urlencode", f'data={{"from": "weather", "text": "{text}"}}'),
        )
        self.assertEqual(answer.status, 200, answer.body)

    def test_chat(self) -> None:
        """
        A visitor logs in, sees what a program and the visitor say, also what was said before
        the restart of the program and after it, and each message once.
        """
        program = self.start()
        self.assertEqual(curl("--insecure", f"{self.url}/messages", "--data", "x").status, 401)
        self.browser.open(self.url)
        eventually_in(
            self.browser, "document.getElementById('login')?.hidden === false", "no login"
        )

        self.browser.run("document.querySelector('[name=name]').value = 'ada'")
        self.browser.run("document.querySelector('#login button').click()")
        opened = "document.getElementById('writing')?.hidden === false"
        eventually_in(self.browser, opened, "not logged in")
        self.browser.run("document.getElementById('words').value = '<b>Hello'")
        self.browser.run("document.querySelector('#writing button').click()")
        eventually_in(self.browser, f"{_MESSAGES}.length === 1", "nothing was said")
        program.process.terminate()
        self.assertEqual(program.wait(), 0, program.output())
        self.start()
        self.say_by_token("It rains.")
        eventually_in(self.browser, f"{_MESSAGES}.length >= 2", "nothing came after the restart")

        said = self.browser.run(f"return {_MESSAGES}")
        self.assertEqual(said, ["ada: <b>Hello", "weather: It rains."])


class UnitTests(SynchronousTestCase):
    """
    The unit.
    """

    def test_verify(self) -> None:
        """
        systemd finds nothing wrong with it.
        """
        analyze = find_program("systemd-analyze", "systemd")
        home = Path(self.mktemp()).resolve()
        home.mkdir()
        _write_files(home)
        path = home / "chat.service"
        text = path.read_text("utf-8").replace("/opt/chat/bin/python", sys.executable)
        path.write_text(text, "utf-8")
        done = subprocess.run(
            [analyze, "verify", str(path)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

        # It also tells about units of this machine.
        ours = [line for line in done.stderr.splitlines() if "chat." in line]
        self.assertEqual((ours, done.returncode), ([], 0))
