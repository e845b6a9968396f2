"""
Programs in the how-to that join a hub to something else: a store, TLS, a page, a restart.
"""

import re
import shlex
import signal
from pathlib import Path

from tests.support.certificates import write_certificate
from tests.support.curl import CurlStream, curl
from tests.support.pages import PageTests, ProgramTests
from tests.support.processes import Background
from tests.support.redis_server import RedisServer
from tests.support.streams import RawStream
from tests.test_docs import Snippet, marked, snippets

__all__ = ["DevelopingTests", "HistoryTests", "ReadmeTests", "SecureTests", "SilenceTests"]

_ROOT = Path(__file__).resolve().parents[2]
_HOW_TO = _ROOT / "docs" / "how-to"
_README = _ROOT / "README.md"


def _program(name: str) -> Snippet:
    """
    The program *name* in the documentation.
    """
    (found,) = (each for each in marked("joins") if each.mark[1] == name)
    return found


class HistoryTests(ProgramTests):
    """
    The program whose history is chosen by one argument.
    """

    def start(self, hub: str, directory: str) -> None:
        """
        Run the program with *hub* in place of its own.
        """
        text = _program("history.py").text.replace('Hub("sqlite:events.db")', hub)
        self.assertIn(hub, text)
        change = f"import os\nos.chdir({directory!r})\n"
        self.program = self.serve("-c", change + text.replace("8080", "PORT"))

    def say(self, text: str) -> str:
        """
        Publish *text*, and return its ID.
        """
        answer = curl(f"http://localhost:{self.port}/say/{text}", "--request", "POST")
        self.assertEqual(answer.status, 200, answer)
        return answer.body

    def test_restart(self) -> None:
        """
        With each of the hubs in the table, a reader resumes; after a restart it gets what it
        missed, or a reset if history was in memory.
        """
        redis = RedisServer()
        self.addCleanup(redis.end)
        table = (_HOW_TO / "own-program.md").read_text("utf-8")
        hubs = re.findall(r"^\| `(Hub\(.*?\))` \|", table, re.M)
        self.assertEqual(len(hubs), 4)

        for hub in hubs:
            directory = Path(self.mktemp()).resolve()
            directory.mkdir()
            argument = hub.replace(":6379", f":{redis.port}")
            self.start(argument, str(directory))
            first = self.say("one")
            self.say("two")
            stream = RawStream(self.port, "/events?topic=news", f"Last-Event-ID: {first}")
            self.addCleanup(stream.close)
            self.assertEqual(stream.data(1), ["two"], hub)
            self.program.send_signal(signal.SIGTERM)
            self.assertEqual(self.program.wait(), 0, self.program.output())

            self.start(argument, str(directory))
            again = RawStream(self.port, "/events?topic=news", f"Last-Event-ID: {first}")
            self.addCleanup(again.close)
            if "sqlite" in hub or "redis" in hub:
                self.assertEqual(again.data(1), ["two"], hub)
            else:
                self.assertIn("unknown-id", str(again.named("stream-reset").data))


class SecureTests(ProgramTests):
    """
    The program with a TLS endpoint.
    """

    def test_stream(self) -> None:
        """
        It streams over HTTP/2.
        """
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        certificate, key = write_certificate(directory)
        text = _program("secure.py").text.replace("8080", "PORT")
        text = text.replace("cert.pem", str(certificate)).replace("=key.pem", f"={key}")

        self.serve("-c", text)
        url = f"https://localhost:{self.port}/events?topic=news"
        stream = CurlStream("--insecure", "--http2", url)
        self.addCleanup(stream.close)
        stream.wait_for("data: still here")

        self.assertTrue(stream.output().startswith("HTTP/2 200"))


class DevelopingTests(ProgramTests):
    """
    The program whose readers come back at once.
    """

    def test_stop(self) -> None:
        """
        A stream begins and ends with a reconnection time of a tenth of a second.
        """
        program = self.serve("-c", _program("developing.py").text.replace("8080", "PORT"))
        stream = RawStream(self.port, "/events?topic=news")
        self.addCleanup(stream.close)
        first = stream.named("stream-open")

        program.send_signal(signal.SIGTERM)

        self.assertEqual(first.retry, 100)
        self.assertEqual([block.retry for block in stream.rest()], [100])


class ReadmeTests(PageTests):
    """
    The two programs in the README.
    """

    def run_in(self, directory: Path, program: Snippet) -> Background:
        """
        Run *program* in *directory*.
        """
        change = f"import os\nos.chdir({str(directory)!r})\n"
        return self.serve("-c", change + program.text.replace("8080", "PORT"))

    def publish(self, program: Snippet, text: str) -> None:
        """
        Publish *text* as the README says.
        """
        (line,) = re.findall(r"^curl localhost:8080.*$", _README.read_text("utf-8"), re.M)
        if "klein" in program.text:
            line = line.replace("/publish", "/events")
        _, url, *arguments = shlex.split(line.replace("8080", str(self.port)))
        answer = curl(url, *(word.replace("=hello", f"={text}") for word in arguments))
        self.assertEqual(answer.status, 200, answer)

    def test_restart(self) -> None:
        """
        The page shows what is published with the token, before and after a restart.
        """
        found = [each for each in snippets() if each.document == _README]
        (page,) = (each for each in found if each.mark[:1] == ["file"])
        programs = [each for each in found if each.mark[:1] == ["serves"]]
        self.assertEqual(len(programs), 2)

        for program in programs:
            directory = Path(self.mktemp()).resolve()
            directory.mkdir()
            directory.joinpath("page.html").write_text(page.text, "utf-8")
            running = self.run_in(directory, program)
            self.publish(program, "one")
            self.show()
            self.wait("news.children.length === 1")
            self.lose_connection()
            self.publish(program, "two")
            self.come_back()
            self.wait("news.children.length >= 2")
            running.send_signal(signal.SIGTERM)
            self.assertEqual(running.wait(), 0, running.output())
            self.run_in(directory, program)
            self.publish(program, "three")
            self.show()
            self.wait("news.children.length >= 3")

            texts = "return [...news.children].map((item) => item.textContent)"
            self.assertEqual(self.browser.run(texts), ["one", "two", "three"])
            self.assertLessEqual(sum(bool(line) for line in program.text.splitlines()), 12)


class SilenceTests(PageTests):
    """
    The pages that notice a silence, and what follows a connection that died without a word.
    """

    texts = "[...news.children].map((item) => item.textContent)"

    def start(self, name: str, interval: str, page: str) -> None:
        """
        Run the program *name*, whose interval is ten seconds, beside its *page*, and publish.
        """
        text = _program(f"{name}.py").text.replace("8080", "PORT")
        self.assertIn("10.0", text)
        running = self.serve("-c", text.replace("10.0", interval))
        running.home.joinpath(f"{name}.html").write_text(page, "utf-8")
        self.say("one")
        self.show()
        self.wait("news.children.length === 1")

    def say(self, text: str) -> None:
        """
        Publish *text*.
        """
        answer = curl(f"http://localhost:{self.port}/say/{text}", "--request", "POST")
        self.assertEqual(answer.status, 200, answer)

    def page(self, name: str) -> str:
        """
        The page *name* in the documentation.
        """
        (found,) = (each for each in snippets() if each.mark == ["file", name])
        return found.text

    def test_pulse(self) -> None:
        """
        Without the module, the page opens another stream, and misses nothing.
        """
        faster = self.page("pulse.html").replace("expect(25000)", "expect(1500)")
        self.start("pulse", "0.3", faster)
        self.browser.run("window.old = source")

        self.network.lose()
        self.say("two")
        self.wait("source !== old && source.readyState === EventSource.OPEN")
        self.say("three")
        self.wait("news.children.length >= 3")

        self.assertEqual(self.browser.run(f"return {self.texts}"), ["one", "two", "three"])

    def test_module(self) -> None:
        """
        With the module, the page has what was published meanwhile, and says that it is up to date.
        """
        self.start("phone", "0.5", self.page("phone.html"))

        self.network.lose()
        self.say("two")
        self.wait("news.children.length >= 2")
        self.wait("state.textContent === 'Up to date'")

        self.assertEqual(self.browser.run(f"return {self.texts}"), ["one", "two"])
