"""
Every example runs and does what its first lines say.

Each runs in its own process and on its own port.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import ClassVar
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.test_applications import EXAMPLES as APPLICATIONS
from tests.e2e.test_example_pages import EXAMPLES as IN_BROWSER
from tests.e2e.test_example_scripts import EXAMPLES as SCRIPTS
from tests.support.curl import curl, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.models import start_models
from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually
from tests.test_docs import ROOT, marked
from twisted_sse.events.codec import Decoder

__all__ = [
    "AnswersTests",
    "ApschedulerTests",
    "CompletenessTests",
    "CurlTests",
    "EmbedTests",
    "EveryTests",
    "ExpiringTests",
    "FollowTests",
    "GeneratorTests",
    "JobsTests",
    "KleinAppTests",
    "KleinClassTests",
    "ModelTests",
    "OwnHistoryTests",
    "PageTests",
    "PrivateTopicsTests",
    "TestNewsTests",
    "TickerTests",
]

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

SUFFIXES = (".html", ".php", ".py", ".sh", ".tac")

# Of an example, without blank lines and the text at its beginning.
MOST_LINES = 40


class ExampleTests(SynchronousTestCase):
    """
    The base of the tests of all examples.

    Attributes:
        examples: The files that the class tests.
    """

    examples: ClassVar[list[str]] = []

    def start(self, *arguments: str) -> Background:
        """
        Run the example, and wait until it listens on ``self.port``.
        """
        self.port = free_port()
        path = str(EXAMPLES / self.examples[0])
        program = Background([sys.executable, path, str(self.port), *arguments])
        self.addCleanup(program.end)
        eventually(lambda: self.listens(program), f"{path} does not listen")
        return program

    def listens(self, program: Background) -> bool:
        """
        Whether *program* accepts connections.
        """
        self.assertTrue(program.running(), program.output())
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        except ConnectionRefusedError:
            return False
        return True

    def subscribe(self, target: str, *headers: str) -> RawStream:
        """
        Open the stream at *target*, and close it when the test ends.
        """
        stream = RawStream(self.port, target, *headers)
        self.addCleanup(stream.close)
        return stream

    def fetch(self, target: str, body: bytes | None = None) -> str:
        """
        Send ``GET``, or ``POST`` if *body* is given, and return the body of the response.
        """
        with urlopen(f"http://localhost:{self.port}{target}", body, PATIENCE) as response:
            return str(response.read(), "utf-8")

    def stop(self, program: Background) -> None:
        """
        Stop *program* by SIGTERM, and check that it exits with status 0.
        """
        program.send_signal(signal.SIGTERM)
        self.assertEqual(program.wait(), 0, program.output())


class EmbedTests(ExampleTests):
    """
    The site with an event stream.
    """

    examples = ["embed.py"]

    def test_visit(self) -> None:
        """
        A visit to the front page publishes an event.
        """
        self.start()
        stream = self.subscribe("/events?topic=visits")
        stream.named("stream-open")

        answer = self.fetch("/")

        self.assertEqual(answer, "You are visitor 1.\n")
        self.assertEqual(stream.data(1), ['{"number":1}'])

    def test_stop(self) -> None:
        """
        When it stops, streams end cleanly.
        """
        program = self.start()
        stream = self.subscribe("/events?topic=visits")
        stream.named("stream-open")

        self.stop(program)

        stream.rest()
        self.assertTrue(stream.complete)


class KleinAppTests(ExampleTests):
    """
    The Klein app.
    """

    examples = ["klein_app.py"]

    def test_rooms(self) -> None:
        """
        A text is sent to the subscribers of its room only.
        """
        self.start()
        lobby, garden = (
            self.subscribe(f"/events?topic=rooms/{room}") for room in ("lobby", "garden")
        )
        lobby.named("stream-open")
        garden.named("stream-open")

        answer = self.fetch("/rooms/lobby", b"text=hello")
        self.fetch("/rooms/garden", b"text=sun")

        self.assertTrue(answer.endswith("was handed to 1 subscribers\n"), answer)
        self.assertEqual(lobby.data(1), ["hello"])
        self.assertEqual(garden.data(1), ["sun"])

    def test_generator(self) -> None:
        """
        A word is spelled, and its stream ends.
        """
        self.start()
        stream = self.subscribe("/spell/hi")

        self.assertEqual(stream.data(2), ["h", "i"])
        stream.rest()
        self.assertTrue(stream.complete)

    def test_stop(self) -> None:
        """
        When it stops, the stream of the hub is complete, and that of a generator that goes on is
        not.
        """
        program = self.start()
        streams = [self.subscribe("/events?topic=a"), self.subscribe("/spell/" + "o" * 1000)]
        streams[0].named("stream-open")
        streams[1].data(1)

        self.stop(program)

        for stream in streams:
            stream.rest()
        self.assertEqual([stream.complete for stream in streams], [True, False])


class KleinClassTests(ExampleTests):
    """
    The Klein app in a class.
    """

    examples = ["klein_class.py"]

    def test_words(self) -> None:
        """
        The posted words arrive one by one, followed by a last event.
        """
        program = self.start()
        answer = curl(f"http://localhost:{self.port}/answers", "--data", "say it")
        events = Decoder().feed(answer.body.encode("utf-8"))

        self.assertEqual([one.json()["word"] for one in events[:2]], ["say", "it"])
        self.assertEqual(events[2].event, "done")
        self.stop(program)

    def test_nothing(self) -> None:
        """
        An empty prompt is refused before the stream.
        """
        self.start()
        answer = curl(f"http://localhost:{self.port}/answers", "--request", "POST")

        self.assertEqual((answer.status, answer.body), (400, "Say something.\n"))


class TickerTests(ExampleTests):
    """
    The LoopingCall that publishes.
    """

    examples = ["ticker.py"]

    def test_ticks(self) -> None:
        """
        Ticks arrive one after the other, each with a time.
        """
        self.start()
        stream = self.subscribe("/?topic=ticks")

        times = [json.loads(data)["time"] for data in stream.data(2)]

        self.assertLess(times[0], times[1])


class PrivateTopicsTests(ExampleTests):
    """
    The cookie that identifies the user.
    """

    examples = ["private_topics.py"]

    def test_own(self) -> None:
        """
        A user reads their own inbox.
        """
        self.start()
        stream = self.subscribe("/?topic=*", "Cookie: login=ada-secret")

        self.assertEqual(stream.data(2), ["for ada only", "for ada only"])

    def test_of_others(self) -> None:
        """
        Requests for another user's inbox and requests without a cookie are refused.
        """
        self.start()

        refused = self.subscribe("/?topic=inbox/ada", "Cookie: login=bob-secret")
        stranger = self.subscribe("/?topic=inbox/ada")

        self.assertEqual(refused.status, "HTTP/1.1 403 Forbidden")
        self.assertEqual(stranger.status, "HTTP/1.1 401 Unauthorized")


class ExpiringTests(ExampleTests):
    """
    The tickets.
    """

    examples = ["expiring.py"]

    def test_ticket(self) -> None:
        """
        A stream ends cleanly when its ticket expires, and the ticket is refused afterwards.
        """
        self.start()
        ticket = self.fetch("/tickets", b"")
        target = f"/events?topic=news&ticket={ticket}"
        stream = self.subscribe(target)

        self.assertEqual(stream.data(1), ["still here"])
        stream.rest()
        self.assertTrue(stream.complete)
        self.assertEqual(self.subscribe(target).status, "HTTP/1.1 401 Unauthorized")
        self.assertEqual(self.subscribe("/events").status, "HTTP/1.1 401 Unauthorized")


class PageTests(ExampleTests):
    """
    The page in plain HTML and JavaScript.
    """

    examples = ["page.py", "page.html"]

    def test_page(self) -> None:
        """
        The page is served, and its stream contains what it shows.
        """
        self.start()
        stream = self.subscribe("/events")

        page = self.fetch("/")

        self.assertIn('new EventSource("/events")', page)
        self.assertIn(json.loads(stream.data(1)[0])["pips"], range(1, 7))


class OwnHistoryTests(ExampleTests):
    """
    The history provider in a file.
    """

    examples = ["own_history.py"]

    def test_outlives_the_process(self) -> None:
        """
        A subscriber that reconnects after a restart resumes and receives what it missed.
        """
        file = str(Path(self.mktemp()).resolve())
        first = self.start(file)
        stream = self.subscribe("/?topic=starts&lastEventID=earliest")
        stream.named("stream-open")
        seen = stream.next()
        self.stop(first)

        self.start(file)
        again = self.subscribe("/?topic=starts", f"Last-Event-ID: {seen.id}")

        self.assertEqual(again.named("stream-open").json()["resumed"], True)
        self.assertEqual(again.data(1), ["The hub has started."])

    def test_unknown(self) -> None:
        """
        A subscriber with an unknown ID gets a reset.
        """
        self.start(str(Path(self.mktemp()).resolve()))

        stream = self.subscribe("/?topic=starts", "Last-Event-ID: elsewhere")

        self.assertIn("unknown-id", str(stream.named("stream-reset").data))


class CurlTests(ExampleTests):
    """
    The shell script.
    """

    examples = ["curl.sh"]

    def test_script(self) -> None:
        """
        It subscribes, publishes one event and a batch, and resumes.
        """
        hub = HubProcess()
        self.addCleanup(hub.stop)
        find_program("curl", "curl")

        done = subprocess.run(
            ["sh", EXAMPLES / "curl.sh", str(hub.port)],
            env={**os.environ, "TOKEN": TOKEN},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

        self.assertEqual((done.returncode, done.stderr), (0, ""))
        resumed = done.stdout.partition("-- Resume")[2]
        self.assertIn('data: {"resumed":true', resumed)
        self.assertNotIn("bread", resumed)
        self.assertLess(resumed.index('{"name":"soup"}'), resumed.index("data: cake"))


class ApschedulerTests(ExampleTests):
    """
    The app with APScheduler.
    """

    examples = ["apscheduler_app.py"]

    def test_times(self) -> None:
        """
        Times arrive one after the other.
        """
        self.start()
        stream = self.subscribe("/")

        times = [json.loads(data)["time"] for data in stream.data(2)]

        self.assertLess(times[0], times[1])


class EveryTests(ExampleTests):
    """
    The hub that publishes periodically.
    """

    examples = ["every.py"]

    def test_events(self) -> None:
        """
        A subscriber is greeted, receives events periodically, and is logged when it leaves.
        """
        program = self.start()
        stream = self.subscribe("/")
        welcome = stream.named("greeting").data
        times = [json.loads(str(stream.named("load").data))["time"] for _ in range(2)]
        stream.close()
        eventually(lambda: "127.0.0.1: gone" in program.output(), "its end is not logged")

        self.assertEqual(welcome, "Welcome.")
        self.assertLess(times[0], times[1])
        self.stop(program)


class GeneratorTests(ExampleTests):
    """
    The generator.
    """

    examples = ["generator.py"]

    def test_words(self) -> None:
        """
        The posted words arrive one by one, and then the generator is closed.
        """
        program = self.start()
        answer = curl(f"http://localhost:{self.port}/", "--data", "say it")
        events = Decoder().feed(answer.body.encode("utf-8"))

        self.assertEqual([one.json()["word"] for one in events[:2]], ["say", "it"])
        self.assertEqual(events[-1].event, "done")
        eventually(lambda: "done with 'say it'" in program.output(), "it was not closed")
        self.stop(program)


class ModelTests(ExampleTests):
    """
    Programs that ask the models of others; a program of the tests answers them.
    """

    examples = ["anthropic_answers.py", "openai_answers.py"]

    url: str

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start the models.
        """
        models, port = start_models()
        cls.addClassCleanup(models.end)
        cls.url = f"http://127.0.0.1:{port}"

    def ask(self, example: str, variables: dict[str, str]) -> list[str]:
        """
        The data of the events that *example* answers, with *variables* in its environment.
        """
        self.port = free_port()
        path = str(EXAMPLES / example)
        command = [sys.executable, path, str(self.port)]
        program = Background(command, environment={**os.environ, **variables})
        self.addCleanup(program.end)
        # It imports a large package.
        eventually(lambda: self.listens(program), f"{path} does not listen", 3 * PATIENCE)
        answer = curl(f"http://localhost:{self.port}/", "--data", "Why?")
        self.stop(program)
        return [str(one.data) for one in Decoder().feed(answer.body.encode("utf-8"))]

    def test_answers(self) -> None:
        """
        The pieces of the answer arrive, and then how it has ended.
        """
        variables = {
            "anthropic_answers.py": {
                "ANTHROPIC_API_KEY": "none",
                "ANTHROPIC_BASE_URL": f"{self.url}/PATH",
            },
            "openai_answers.py": {
                "OPENAI_API_KEY": "none",
                "OPENAI_BASE_URL": f"{self.url}/PATH/v1",
            },
        }
        for path, rest in (
            ("whole", ["four", '{"outcome":"done"}']),
            ("failing", ['{"outcome":"failed"}']),
        ):
            for example, settings in variables.items():
                with self.subTest(path=path, example=example):
                    there = {name: one.replace("PATH", path) for name, one in settings.items()}

                    words = self.ask(example, there)
                    self.assertEqual(words, ["one ", "two ", "three ", *rest])


class TestNewsTests(ExampleTests):
    """
    The application with its tests.
    """

    examples = ["test_news.py"]

    def test_runners(self) -> None:
        """
        Its tests pass in pytest and in trial.
        """
        path = str(EXAMPLES / self.examples[0])
        for runner in (["pytest", "-p", "no:cacheprovider"], ["twisted.trial"]):
            command = [sys.executable, "-m", *runner, path]
            program = Background(["env", "PYTHONDONTWRITEBYTECODE=1", *command])
            self.addCleanup(program.end)

            self.assertEqual(program.wait(), 0, program.output())
            self.assertRegex(program.output(), "2 passed|successes=2")


class FollowTests(ExampleTests):
    """
    The program that follows a stream.
    """

    examples = ["follow.py"]

    def test_come_back(self) -> None:
        """
        It prints events, reports when the hub is gone, and reconnects.
        """
        history = Path(self.mktemp()).resolve()
        hub = HubProcess("--history", f"sqlite:{history}")
        self.addCleanup(hub.stop)
        path = str(EXAMPLES / self.examples[0])
        program = Background([sys.executable, path, str(hub.port)])
        self.addCleanup(program.end)
        eventually(lambda: "open\n" in program.output(), "it has no stream")

        (first,) = publish(hub.url, TOKEN, "news", "one")
        eventually(lambda: f"{first} one\n" in program.output(), "it has not printed one")
        hub.kill()
        eventually(lambda: "lost (" in program.output(), "it has not noticed")
        hub.restart()
        (second,) = publish(hub.url, TOKEN, "news", "two")

        eventually(lambda: f"{second} two\n" in program.output(), "it has not come back")
        program.send_signal(signal.SIGTERM)
        self.assertEqual(program.wait(), 0, program.output())


class JobsTests(ExampleTests):
    """
    The jobs; tests/e2e/test_applications.py looks at their page.
    """

    examples = ["jobs.py"]

    def test_steps(self) -> None:
        """
        A reader that comes late gets every step so far, and then the others.
        """
        self.start()
        begun = curl(f"http://localhost:{self.port}/jobs", "--request", "POST")
        job = begun.headers["location"].partition("?")[2]

        early = self.subscribe(f"/jobs/{job}").data(3)
        late = self.subscribe(f"/jobs/{job}").data(4)

        self.assertEqual((early, late), (["1", "2", "3"], ["1", "2", "3", "4"]))


class AnswersTests(ExampleTests):
    """
    The answers; tests/e2e/test_applications.py looks at their page.
    """

    examples = ["answers.py"]

    def test_words(self) -> None:
        """
        The words of an answer arrive in order.
        """
        self.start()
        begun = curl(f"http://localhost:{self.port}/answers", "--data", "question=why?")
        id = begun.headers["location"].partition("?")[2]

        words = self.subscribe(f"/answers/{id}").data(3)

        self.assertEqual(words, ["You ", "asked: ", "why? "])


class CompletenessTests(SynchronousTestCase):
    """
    All examples together.
    """

    files = sorted(path for path in EXAMPLES.iterdir() if path.suffix in SUFFIXES)

    def test_every_example_has_a_test(self) -> None:
        """
        Each file is tested by one of the classes above, or in tests/e2e/.
        """
        tested = [name for tests in ExampleTests.__subclasses__() for name in tests.examples]
        tested += [*APPLICATIONS, *IN_BROWSER, *SCRIPTS]

        self.assertEqual(sorted(tested), [path.name for path in self.files])

    def test_every_example_is_listed(self) -> None:
        """
        The README lists each file.
        """
        text = EXAMPLES.joinpath("README.md").read_text("utf-8")

        for path in self.files:
            self.assertIn(f"[{path.name}]({path.name})", text)

    def test_short(self) -> None:
        """
        Each is short enough to be read in a minute, and says how to run it.
        """
        for path in self.files:
            text = path.read_text("utf-8")
            if path.suffix in (".py", ".tac"):
                begin, text = text.split('"""', 2)[1:]
            if path.suffix == ".py":
                run = f"examples/{path.name} [PORT]"
                if path.name.startswith("test_"):
                    run = f"-m pytest examples/{path.name}"
                self.assertIn(f"Run:  python {run}", begin)
            lines = [line for line in text.splitlines() if line.strip()]
            self.assertLessEqual(len(lines), MOST_LINES, path.name)

    def test_excerpts(self) -> None:
        """
        What the documentation shows of a file is in the file, line by line.
        """
        for snippet in marked("excerpt"):
            lines = [line.strip() for line in snippet.text.splitlines()]
            path = ROOT / snippet.mark[1]
            there = [line.strip() for line in path.read_text("utf-8").splitlines()]
            places = range(len(there))

            found = any(there[place : place + len(lines)] == lines for place in places)
            self.assertTrue(found, f"{snippet.place} is not in {snippet.mark[1]}")
