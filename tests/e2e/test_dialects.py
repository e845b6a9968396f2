"""
Dialects, as their clients see them: unmodified, from PyPI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.models import FAILED, HALF, WHOLE, ModelTests

if TYPE_CHECKING:
    import anthropic
    import openai

__all__ = ["PythonTests"]


class PythonTests(ModelTests):
    """
    ``openai`` and ``anthropic`` of PyPI.
    """

    @classmethod
    def setUpClass(cls) -> None:
        """
        Import the clients here: that takes two seconds, and every worker of pytest-xdist imports
        this module.
        """
        global anthropic, openai
        import anthropic
        import openai

        super().setUpClass()

    def openai(self, url: str) -> openai.OpenAI:
        """
        Make a client.
        """
        client = openai.OpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0)
        self.addCleanup(client.close)
        return client

    def ask_openai(self, url: str) -> list[Any]:
        """
        The events of an answer, and how it failed.
        """
        client = self.openai(url)
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

    def test_openai_resumes(self) -> None:
        """
        After a lost connection, openai continues after the last event that it has.
        """
        self.addCleanup(self.network.mend)
        with self.one_source():
            *events, error = self.ask_openai(f"{self.through}/runs")
            self.assertIsInstance(error, openai.APIConnectionError)
            self.go_on()
            events += self.openai(f"{self.url}/runs").responses.retrieve(
                events[0].response.id, stream=True, starting_after=events[-1].sequence_number
            )

        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        self.assertEqual(text_of(events), WHOLE)

    def test_openai_follows(self) -> None:
        """
        openai follows a response from its beginning, also when it is over.
        """
        client = self.openai(f"{self.url}/runs")
        stream = client.responses.create(model="m", input="What?", stream=True)
        name = next(iter(stream)).response.id
        stream.close()
        self.go_on()
        for _ in range(2):
            with client.responses.stream(response_id=name) as following:
                following.until_done()
                self.assertEqual(following.get_final_response().output_text, WHOLE)

    def test_openai_cancels(self) -> None:
        """
        openai cancels a response, whose source is closed, and its reader is told.
        """
        client = self.openai(f"{self.url}/runs")
        with self.one_source():
            events = []
            for event in client.responses.create(model="m", input="What?", stream=True):
                events.append(event)
                if event.type == "response.output_text.delta" and len(text_of(events)) == 4:
                    cancelled = client.responses.cancel(events[0].response.id)

        self.assertEqual(cancelled.status, "cancelled")
        self.assertEqual(events[-1].type, "response.incomplete")
        self.assertEqual(events[-1].response.status, "cancelled")
        self.assertNotEqual(text_of(events), WHOLE)

    def test_anthropic_run(self) -> None:
        """
        anthropic reads a run, which goes on without it.
        """
        self.addCleanup(self.network.mend)
        with self.one_source():
            text, error = self.ask_anthropic(f"{self.through}/runs")
            self.go_on()

        self.assertNotEqual(text, WHOLE)
        self.assertIsNotNone(error)

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


def text_of(events: list[Any]) -> str:
    """
    The text in the events of OpenAI.
    """
    return "".join(one.delta for one in events if one.type == "response.output_text.delta")
