"""
Command lines of ``twistd sse``, run on a reactor that opens no sockets.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from tests.support.http import Answer, Caller, call
from tests.transport.tls.test_identity import certificate_pem, key_pem, make_key
from twisted_sse.server.build import make_server
from twisted_sse.server.tap import Options

__all__ = ["FORM", "TARGET", "CommandLineTests", "Running", "parse"]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TARGET = "/events?topic=news"


def parse(*arguments: str) -> Options:
    """
    Parse a command line.
    """
    options = Options()
    options.parseOptions(list(arguments))
    return options


class Running:
    """
    The services of a command line, running on a reactor in memory.
    """

    def __init__(self, *arguments: str) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.service = make_server(parse(*arguments).config, self.reactor)
        with capturedLogs() as logged:
            self.service.privilegedStartService()
            self.service.startService()
        self.logged: Sequence[LogEvent] = logged

    @property
    def log(self) -> str:
        """
        The log messages of the start.
        """
        return "\n".join(formatEvent(event) for event in self.logged)

    @property
    def site(self) -> Site:
        """
        The site on the first port.
        """
        factory = self.reactor.tcpServers[0][1]
        secured = isinstance(factory, TLSMemoryBIOFactory)
        site: Site = factory.wrappedFactory if secured else factory
        return site

    def ask(self, method: str, target: str, *rest: Any) -> Caller:
        """
        Send a request.
        """
        caller = call(self.site, method, target, *rest)
        self.reactor.advance(0)
        return caller

    def get(self, target: str = TARGET, *rest: Any) -> Answer:
        """
        Send a ``GET``, and return the answer.
        """
        return self.ask("GET", target, *rest).answer

    def post(self, body: bytes, token: str) -> Answer:
        """
        Post a form, and return the answer.
        """
        headers = {**FORM, "Authorization": f"Bearer {token}"}
        return self.ask("POST", "/events", headers, body).answer


@pytest.mark.usefixtures("thaw")
class CommandLineTests(SynchronousTestCase):
    """
    The base of tests that run command lines.
    """

    def setUp(self) -> None:
        """
        Restore the settings of the garbage collector afterward, since a start changes them.
        """
        self.addCleanup(gc.set_threshold, *gc.get_threshold())

    def file(self, content: bytes) -> str:
        """
        Write *content* to a new file.
        """
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(path)

    def certificate(self) -> tuple[str, str]:
        """
        Make a file with a certificate and one with its key.
        """
        key = make_key()
        own = certificate_pem("localhost", key, "localhost", key)
        return self.file(own), self.file(key_pem(key))
