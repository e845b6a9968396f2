"""
The Klein program of the documentation, run as a process.
"""

import socket
import sys
from urllib.request import Request, urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.support.ports import free_port
from tests.support.processes import Background
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually
from tests.test_docs import Snippet, snippets

__all__ = ["ProgramTests"]

# Lines of code, imports included.
MOST_LINES = 12


class ProgramTests(SynchronousTestCase):
    """
    Every program in the documentation with a generator, a hub and a route that publishes.
    """

    programs = [
        one for one in snippets() if "hub_routes(app, hub)" in one.text and "/spell/" in one.text
    ]

    def serve(self, program: Snippet) -> int:
        """
        Run *program* on a port of its own.
        """
        port = free_port()
        text = program.text.replace("8080", str(port))
        process = Background([sys.executable, "-c", text])
        self.addCleanup(process.end)
        eventually(lambda: self.listens(port, process), f"{program.place} does not listen")
        return port

    def listens(self, port: int, process: Background) -> bool:
        """
        Whether *process* accepts connections.
        """
        self.assertTrue(process.running(), process.output())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def test_short(self) -> None:
        """
        Each has at most a dozen lines.
        """
        self.assertGreater(len(self.programs), 0)
        for program in self.programs:
            lines = [line for line in program.text.splitlines() if line.strip()]

            self.assertLessEqual(len(lines), MOST_LINES, program.place)

    def test_streams(self) -> None:
        """
        The items of the generator arrive, and the stream ends.
        """
        for program in self.programs:
            stream = RawStream(self.serve(program), "/spell/cat")
            self.addCleanup(stream.close)

            self.assertEqual(stream.data(3), ["c", "a", "t"], program.place)
            stream.rest()
            self.assertTrue(stream.complete, program.place)

    def test_large_bodies(self) -> None:
        """
        A body of 200 MB is refused before it is sent.
        """
        head = b"POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 200000000\r\n\r\n"
        for program in self.programs:
            with socket.create_connection(("localhost", self.serve(program)), PATIENCE) as client:
                client.sendall(head)

                self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 401 "), program.place)

    def test_broadcasts(self) -> None:
        """
        An event published by a route reaches all subscribers.
        """
        for program in self.programs:
            port = self.serve(program)
            streams = [RawStream(port, "/events?topic=news") for _ in range(2)]
            for stream in streams:
                self.addCleanup(stream.close)
                stream.named("stream-open")
            say = Request(f"http://localhost:{port}/say/hello", method="POST")
            with urlopen(say, None, PATIENCE) as answer:
                self.assertEqual(answer.status, 200)

            self.assertEqual([stream.data(1) for stream in streams], [["hello"]] * 2)
