"""
A hub inside other programs: application files, ``twistd web``, virtual hosts.

The programs are the files that the documentation shows.
"""

import signal

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import CurlStream, curl
from tests.support.ports import free_port
from tests.support.processes import Background, find_twistd
from tests.support.waiting import eventually
from tests.test_docs import marked

__all__ = ["ApplicationTests", "HostTests", "WebTests"]


class Embedded(SynchronousTestCase):
    """
    Tests of twistd, with the documentation's files in its working directory.
    """

    def start(self, *arguments: str) -> None:
        """
        Run twistd, and wait until it listens.

        Args:
            arguments: twistd's arguments; ``PORT`` in them is replaced.
        """
        self.port = free_port()
        words = [one.replace("PORT", str(self.port)) for one in arguments]
        # The shell waits for the files.
        path = "PYTHONPATH=.${PYTHONPATH:+:$PYTHONPATH}"
        script = f'until test -e ready; do sleep 0.01; done; {path} exec "$@"'
        twistd = [find_twistd(), "-n", "--pidfile=", *words]
        self.program = Background(["sh", "-c", script, "sh", *twistd])
        self.addCleanup(self.program.end)
        for snippet in marked("embeds"):
            text = snippet.text.replace("8080", str(self.port))
            self.program.home.joinpath(snippet.mark[1]).write_text(text, "utf-8")
        self.program.home.joinpath("ready").touch()
        eventually(self.listens, "it does not listen")

    def listens(self) -> bool:
        """
        Return whether the program listens.
        """
        self.assertTrue(self.program.running(), self.program.output())
        return f"starting on {self.port}" in self.program.output()

    def open(self, path: str, *arguments: str) -> CurlStream:
        """
        Read a stream with curl.
        """
        stream = CurlStream(*arguments, f"http://127.0.0.1:{self.port}{path}")
        self.addCleanup(stream.close)
        return stream

    def assert_ends_well(self, *streams: CurlStream) -> None:
        """
        Assert that SIGTERM ends all streams properly, and that the log has no error.
        """
        self.program.send_signal(signal.SIGTERM)

        self.assertEqual([stream.wait() for stream in streams], [0] * len(streams))
        # twistd may end itself with the signal that it was sent.
        self.assertIn(self.program.wait(), (0, -signal.SIGTERM))
        self.assertIn("Main loop terminated", self.program.output())
        self.assertNotIn("Traceback", self.program.output())
        self.assertNotIn("Unhandled", self.program.output())


class ApplicationTests(Embedded):
    """
    ``twistd -ny app.tac``.
    """

    def test_stops(self) -> None:
        """
        On SIGTERM the streams of the hub and of generators end, and curl exits with 0.
        """
        self.start("-y", "app.tac")
        subscriber, source = self.open("/events?topic=news"), self.open("/count")
        subscriber.wait_for('data: {"subscribers":1}')
        source.wait_for("data: 2\n")

        self.assert_ends_well(subscriber, source)
        # The last block is the reconnection time.
        self.assertIn("retry: ", subscriber.output().splitlines()[-2])


class WebTests(Embedded):
    """
    ``twistd web``.
    """

    def test_class(self) -> None:
        """
        With a class that starts and stops the hub's service with the reactor.
        """
        self.start("web", "--listen", "tcp:PORT", "--class", "news.Root")
        stream = self.open("/events?topic=news")
        stream.wait_for('data: {"subscribers":1}')

        self.assert_ends_well(stream)

    def test_script(self) -> None:
        """
        With a script that keeps its resource, so that all requests share one hub.
        """
        self.start("web", "--listen", "tcp:PORT", "--path", ".")
        streams = [self.open("/events.rpy?topic=news") for _ in range(2)]
        for stream in streams:
            stream.wait_for('data: {"subscribers":2}')

        self.assert_ends_well(*streams)


class HostTests(Embedded):
    """
    Virtual hosts.
    """

    def test_hosts(self) -> None:
        """
        Each host name has its own hub, named by the Host header or by a proxy's path.
        """
        self.start("-y", "hosts.tac")
        streams = [
            self.open("/events?topic=news", "--header", "Host: news.example"),
            self.open("/events?topic=news", "--header", "Host: sport.example:8080"),
            self.open("/vhost/https/sport.example:443/events?topic=news"),
        ]
        streams[0].wait_for("data: news.example")
        streams[1].wait_for("data: sport.example")
        streams[2].wait_for("data: sport.example")

        for stream in streams[:2]:
            self.assertEqual(stream.output().count("event: stream-open"), 1)
        self.assertEqual(curl(f"http://127.0.0.1:{self.port}/events?topic=news").status, 404)
        self.assert_ends_well(*streams)
