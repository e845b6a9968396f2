"""
Answers and jobs that survive their readers: the programs of the documentation.
"""

import signal
import tempfile

from tests.support.curl import curl
from tests.support.pages import PageTests, ProgramTests
from tests.support.processes import Background
from tests.support.streams import RawStream
from tests.test_docs import Snippet, marked
from twisted_sse.events.event import ServerSentEvent

__all__ = ["AnswerTests", "JobTests"]


def snippet(name: str) -> Snippet:
    """
    The file *name* of the documentation.
    """
    (found,) = [one for one in marked("answers") if one.mark[1] == name]
    return found


def with_data(events: list[ServerSentEvent]) -> list[ServerSentEvent]:
    """
    Those of *events* that have data.
    """
    return [one for one in events if one.data is not None]


class AnswerTests(PageTests):
    """
    The tutorial about a model's answer.
    """

    QUESTION = "Why?"

    def start(self, directory: str) -> Background:
        """
        Run the program, with its history in *directory*.
        """
        text = snippet("answers.py").text.replace("8080", "PORT")
        program = self.serve("-c", text.replace("answers.db", f"{directory}/answers.db"))
        page = snippet("answers.html").text
        program.home.joinpath("answers.html").write_text(page, "utf-8")
        return program

    def ask(self) -> str:
        """
        Ask on the page, wait for the first words, and return the name of the answer.
        """
        self.show()
        self.browser.run(
            f"document.querySelector('input').value = '{self.QUESTION}';"
            "document.querySelector('form').submit()"
        )
        self.wait("location.search && find('answer').textContent.length > 10")
        return str(self.browser.run("return location.search.slice(1)"))

    def read(self, name: str) -> list[ServerSentEvent]:
        """
        Follow an answer to its end, in another tab.
        """
        stream = RawStream(self.port, f"/answers/{name}")
        self.addCleanup(stream.close)
        return with_data(stream.rest())

    def test_reload(self) -> None:
        """
        The page is reloaded in the middle, and has the whole answer once; so has another tab.
        """
        with tempfile.TemporaryDirectory() as directory:
            self.start(directory)
            name = self.ask()
            self.show(f"/?{name}")
            self.network.cut()
            # On a slow machine, it may be over already.
            self.wait("find('state').textContent !== 'answering'")
            self.network.mend()
            self.wait("find('state').textContent === 'done'")
            shown = self.browser.run("return find('answer').textContent")
            events = self.read(name)

        self.assertTrue(shown.startswith(f"You ask: {self.QUESTION} That is"))
        self.assertTrue(shown.endswith("for a while. "))
        self.assertEqual("".join(str(one.data) for one in events if one.event is None), shown)
        self.assertEqual(events[-1].json(), {"outcome": "done"})

    def test_stop(self) -> None:
        """
        The button stops the answer, in both tabs.
        """
        with tempfile.TemporaryDirectory() as directory:
            self.start(directory)
            name = self.ask()
            self.browser.run("find('stop').click()")
            self.wait("find('state').textContent === 'cancelled'")

            self.assertTrue(self.browser.run("return find('stop').hidden"))
            self.assertEqual(self.read(name)[-1].json(), {"outcome": "cancelled"})

    def test_restart(self) -> None:
        """
        After a restart, an answer that was not complete is interrupted, and its words are
        there.
        """
        with tempfile.TemporaryDirectory() as directory:
            program = self.start(directory)
            name = self.ask()
            program.send_signal(signal.SIGTERM)
            self.assertEqual(program.wait(), 0, program.output())
            self.start(directory)
            events = self.read(name)

        self.assertEqual(events[-1].json(), {"outcome": "interrupted"})
        self.assertTrue("".join(str(one.data) for one in events).startswith("You ask: "))


class JobTests(ProgramTests):
    """
    The page about the progress of a job.
    """

    def setUp(self) -> None:
        """
        Run the program, and begin a job.
        """
        self.program = self.serve("-c", snippet("jobs.py").text.replace("8080", "PORT"))
        self.url = f"http://localhost:{self.port}/exports"
        self.name = curl("--request", "POST", self.url).body

    def follow(self) -> RawStream:
        """
        Follow the job.
        """
        stream = RawStream(self.port, f"/exports/{self.name}")
        self.addCleanup(stream.close)
        return stream

    def test_done(self) -> None:
        """
        The progress is followed by the result, also by those who come late.
        """
        for _ in range(2):
            *progress, result, end = with_data(self.follow().rest())

            done = [one.json()["done"] for one in progress]
            self.assertEqual(done, list(range(1, 21)))
            self.assertEqual(result.data, "/files/export.csv")
            self.assertEqual(end.json(), {"outcome": "done"})

    def test_cancelled(self) -> None:
        """
        A job that is cancelled cleans up, and its readers are told.
        """
        stream = self.follow()
        stream.next()
        curl("--request", "DELETE", f"{self.url}/{self.name}")

        self.assertEqual(stream.rest()[-1].json(), {"outcome": "cancelled"})
        self.assertIn("remove what is temporary", self.program.output())
