"""
A program that serves, Chromium that shows its page, and a network between the two.
"""

import socket
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsers import eventually_in
from tests.support.chromium import Chromium
from tests.support.forwarder import Forwarder
from tests.support.ports import free_port
from tests.support.processes import Background
from tests.support.waiting import eventually

__all__ = ["PageTests", "ProgramTests"]


class ProgramTests(SynchronousTestCase):
    """
    The base of tests that run a server in Python.

    Attributes:
        port: The port of the program; set by `serve`.
    """

    def serve(self, *arguments: str) -> Background:
        """
        Run a Python program that listens on `port`.

        Args:
            arguments: Of the interpreter; ``PORT`` stands for the number of the port.
        """
        self.port = free_port()
        words = [word.replace("PORT", str(self.port)) for word in arguments]
        program = Background([sys.executable, *words])
        self.addCleanup(program.end)
        eventually(lambda: self._listens(program), "the program does not listen")
        return program

    def _listens(self, program: Background) -> bool:
        self.assertTrue(program.running(), program.output())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class PageTests(ProgramTests):
    """
    The base of tests that look at the page of a program.

    Attributes:
        browser: Shared by the tests of a class.

        network: What the page connects through; set by `serve`.
    """

    browser: Chromium

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start the browser.
        """
        cls.browser = Chromium.shared()
        cls.addClassCleanup(cls.browser.close)

    def serve(self, *arguments: str) -> Background:
        """
        See `ProgramTests.serve`.
        """
        program = super().serve(*arguments)
        self.network = Forwarder(self.port)
        self.addCleanup(self.network.close)
        self.addCleanup(self.browser.open, "about:blank")
        return program

    def show(self, path: str = "/") -> None:
        """
        Load the page at *path*, or load it again.
        """
        self.browser.open(f"http://localhost:{self.network.port}{path}")

    def wait(self, expression: str) -> Any:
        """
        Wait until *expression* is true in the page, and return its value.
        """
        return eventually_in(self.browser, expression, f"not {expression}")

    def lose_connection(self) -> None:
        """
        Cut the connection of ``source``, the page's stream, and wait until the page knows.
        """
        self.network.cut()
        self.wait("source.readyState === EventSource.CONNECTING")

    def come_back(self) -> None:
        """
        Let ``source`` reconnect, and wait until it has.
        """
        self.network.mend()
        self.wait("source.readyState === EventSource.OPEN")
