"""
Dialects, as their clients see them: unmodified, from PyPI and npm, and browsers.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import openai
from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsers import Browser, eventually_in
from tests.support.chromium import Chromium
from tests.support.firefox import Firefox
from tests.support.forwarder import Forwarder
from tests.support.node import Lines, NodeClients
from tests.support.processes import Background
from tests.support.waiting import PATIENCE, eventually

__all__ = ["ChromiumTests", "FirefoxTests", "NodeTests", "PythonTests"]

PROGRAM = Path(__file__).with_name("models.py")
CLIENTS = Path(__file__).resolve().parent.parent / "dialects" / "clients"

WHOLE, HALF = "one two three four", "one two three "
FAILED = "The answer could not be completed."


class ModelTests(SynchronousTestCase):
    """
    Tests of the program `models.py`.

    Attributes:
        url: Its URL.

        network: What clients may connect through.
    """

    url: str
    network: Forwarder

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start it.
        """
        program = Background([sys.executable, str(PROGRAM)])
        cls.addClassCleanup(program.end)
        eventually(lambda: program.output().endswith("\n"), "the port was not printed")
        port = int(program.output().split()[1])
        cls.url = f"http://127.0.0.1:{port}"
        cls.network = Forwarder(port)
        cls.addClassCleanup(cls.network.close)

    @property
    def through(self) -> str:
        """
        The URL through the network that can be cut.
        """
        return f"http://127.0.0.1:{self.network.port}"

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """
        Cut the network, and mend it in the end.
        """
        self.network.cut()
        try:
            yield
        finally:
            self.network.mend()


class PythonTests(ModelTests):
    """
    ``openai`` and ``anthropic`` of PyPI.
    """

    def ask_openai(self, url: str) -> list[Any]:
        """
        The events of an answer, and how it failed.
        """
        client = openai.OpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0)
        self.addCleanup(client.close)
        events: list[Any] = []
        try:
            for event in client.responses.create(model="m", input="What?", stream=True):
                events.append(event)
                self.cut_if(url, event.type == "response.output_text.delta")
        except openai.OpenAIError as error:
            events.append(error)
        return events

    def ask_anthropic(self, url: str) -> tuple[str, BaseException | None]:
        """
        The text of an answer, and how it failed.
        """
        client = anthropic.Anthropic(api_key="none", base_url=url, max_retries=0)
        self.addCleanup(client.close)
        question: Any = [{"role": "user", "content": "What?"}]
        text = ""
        try:
            with client.messages.stream(model="m", max_tokens=9, messages=question) as stream:
                for piece in stream.text_stream:
                    text += piece
                    self.cut_if(url, True)
        except Exception as error:
            return text, error
        return text, None

    def cut_if(self, url: str, reached: bool) -> None:
        """
        Cut the network of an answer that goes through it.
        """
        if reached and str(self.network.port) in url:
            self.network.cut()

    def test_openai(self) -> None:
        """
        openai reads a whole answer, with its numbers.
        """
        events = self.ask_openai(f"{self.url}/whole")

        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        self.assertEqual(events[-1].response.output_text, WHOLE)

    def test_openai_failed(self) -> None:
        """
        openai raises the error of a source that fails.
        """
        *_, error = self.ask_openai(f"{self.url}/failing")

        self.assertIsInstance(error, openai.APIError)
        self.assertIn(FAILED, str(error))

    def test_openai_cut(self) -> None:
        """
        openai raises an error when the connection is lost, or breaks off.
        """
        self.addCleanup(self.network.mend)
        for url in (f"{self.through}/endless", f"{self.url}/broken"):
            *_, error = self.ask_openai(url)

            self.assertIsInstance(error, openai.APIConnectionError, url)

    def test_anthropic(self) -> None:
        """
        anthropic reads a whole answer.
        """
        self.assertEqual(self.ask_anthropic(f"{self.url}/whole"), (WHOLE, None))

    def test_anthropic_failed(self) -> None:
        """
        anthropic raises the error of a source that fails.
        """
        text, error = self.ask_anthropic(f"{self.url}/failing")

        self.assertEqual(text, HALF)
        self.assertIsInstance(error, anthropic.APIError)
        self.assertIn(FAILED, str(error))

    def test_anthropic_cut(self) -> None:
        """
        anthropic raises an error when the connection is lost, or breaks off.
        """
        self.addCleanup(self.network.mend)
        for url in (f"{self.through}/endless", f"{self.url}/broken"):
            text, error = self.ask_anthropic(url)

            self.assertNotEqual((text, error), (WHOLE, None), url)
            self.assertIsNotNone(error, url)


class NodeTests(ModelTests):
    """
    ``ai``, ``openai`` and ``@tanstack/ai-client`` of npm.
    """

    clients: NodeClients

    @classmethod
    def setUpClass(cls) -> None:
        """
        Install the clients.
        """
        super().setUpClass()
        cls.clients = NodeClients(CLIENTS)
        cls.addClassCleanup(cls.clients.close)

    def start(self, script: str, *arguments: str) -> Lines:
        """
        Run a script to the end of the test.
        """
        lines = self.clients.run(script, *arguments)
        self.addCleanup(lines.end)
        self.assertEqual(lines.line(1), {"began": True})
        return lines

    def cut(self, lines: Lines, number: int = 2) -> Any:
        """
        Cut the network, and return line *number*.
        """
        with self.cut_off():
            return lines.line(number)

    def test_aisdk(self) -> None:
        """
        ai has a whole message.
        """
        lines = self.start("aisdk.mjs", f"{self.url}/whole/api/chat", "0")

        self.assertEqual(lines.line(2), {"status": "ready", "text": [WHOLE], "error": None})

    def test_aisdk_failed(self) -> None:
        """
        ai reports the error of a source that fails.
        """
        lines = self.start("aisdk.mjs", f"{self.url}/failing/api/chat", "0")

        self.assertEqual(lines.line(2), {"status": "error", "text": [HALF], "error": FAILED})

    def test_aisdk_cut(self) -> None:
        """
        ai reports an error when the connection is lost.
        """
        state = self.cut(self.start("aisdk.mjs", f"{self.through}/endless/api/chat", "0"))

        self.assertEqual(state["status"], "error")

    def test_openai(self) -> None:
        """
        openai has a whole answer.
        """
        lines = self.start("openai.mjs", f"{self.url}/whole/v1", "0")

        self.assertEqual(
            lines.line(2),
            {"text": WHOLE, "last": "response.completed", "inOrder": True, "error": None},
        )

    def test_openai_failed(self) -> None:
        """
        openai throws the error of a source that fails.
        """
        told = self.start("openai.mjs", f"{self.url}/failing/v1", "0").line(2)

        self.assertEqual(told["text"], HALF)
        self.assertIn(FAILED, told["error"])

    def test_openai_cut(self) -> None:
        """
        openai throws an error when the connection is lost.
        """
        told = self.cut(self.start("openai.mjs", f"{self.through}/endless/v1", "0"))

        self.assertIsNotNone(told["error"])

    def test_tanstack(self) -> None:
        """
        TanStack's client has a whole message.
        """
        lines = self.start("tanstack.mjs", f"{self.url}/whole/api/tanstack")

        self.assertEqual(lines.line(2), {"status": "ready", "text": [WHOLE], "error": None})

    def test_tanstack_failed(self) -> None:
        """
        TanStack's client reports the error of a source that fails.
        """
        state = self.start("tanstack.mjs", f"{self.url}/failing/api/tanstack").line(2)

        self.assertEqual((state["status"], state["error"]), ("error", FAILED))

    def test_tanstack_cut(self) -> None:
        """
        TanStack's client reports an error when the connection is lost.
        """
        state = self.cut(self.start("tanstack.mjs", f"{self.through}/endless/api/tanstack"))

        self.assertEqual(state["status"], "error")


# Reads a stream with EventSource, and notes what it hears.
_LISTEN = """
    window.heard = [];
    window.source = new EventSource(arguments[0]);
    for (const type of ["message", "end"]) {
      source.addEventListener(type, (event) => heard.push(event.data));
    }
"""

# Reads a response to its end with fetch, and notes how it ended.
_FETCH = """
    window.outcome = null;
    fetch(arguments[0])
      .then((response) => response.text())
      .then((text) => { window.outcome = text; }, (error) => { window.outcome = error.name; });
"""


class ChromiumTests(ModelTests):
    """
    A page in Chromium.
    """

    browser: Browser

    @staticmethod
    def start_browser() -> Browser:
        """
        Start the browser of this class.
        """
        return Chromium()

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share the browser.
        """
        super().setUpClass()
        cls.browser = cls.start_browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self) -> None:
        """
        Load a page without streams.
        """
        self.browser.open(f"{self.through}/page")

    def wait(self, expression: str) -> Any:
        """
        Wait until *expression* is true in the page, and return its value.
        """
        return eventually_in(self.browser, expression, f"not {expression}", 2 * PATIENCE)

    def listen(self, path: str) -> None:
        """
        Open a stream.
        """
        self.browser.run(_LISTEN, path)
        self.addCleanup(self.browser.run, "source.close()")

    def test_over(self) -> None:
        """
        A page hears how a stream has ended, and does not come back.
        """
        for end, words, outcome in (
            ("whole", ["one ", "two ", "three ", "four"], "done"),
            ("failing", ["one ", "two ", "three "], "failed"),
        ):
            self.listen(f"/{end}/events")
            self.wait("source.readyState === EventSource.CLOSED")

            heard = self.browser.run("return heard")
            self.assertEqual(heard, [*words, f'{{"outcome":"{outcome}"}}'])

    def test_cut(self) -> None:
        """
        A page whose connection is lost comes back.
        """
        self.listen("/endless/events")
        self.wait("heard.length === 3")
        with self.cut_off():
            self.wait("source.readyState === EventSource.CONNECTING")

        self.wait("heard.length === 6")

    def test_fetch(self) -> None:
        """
        fetch rejects a response that breaks off, and not one that is complete.
        """
        for path, expected in (("/whole/events", "four"), ("/broken/events", "TypeError")):
            self.browser.run(_FETCH, path)

            self.assertIn(expected, self.wait("outcome"))


class FirefoxTests(ChromiumTests):
    """
    A page in Firefox.
    """

    @staticmethod
    def start_browser() -> Browser:
        """
        Start the browser of this class.
        """
        return Firefox()
