"""
The installed Chromium still reads the corpus as recorded.
"""

import signal
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.trial.unittest import TestCase

from tests.conformance.corpus import RETURNS, read_answers, read_corpus
from tests.conformance.record import ask

__all__ = ["ChromiumTests"]

# Any, because the module provides the reactor's interfaces only once it is installed.
reactor: Any = _reactor


class ChromiumTests(TestCase):
    """
    All streams of the corpus, each in its own EventSource, in one page.
    """

    timeout = 180

    @classmethod
    def setUpClass(cls) -> None:
        """
        Restore the signal handlers afterwards: the reactor leaves its own ones behind, and
        with them SIGTERM would not end this process.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            cls.addClassCleanup(signal.signal, number, signal.getsignal(number))

    async def test_answers(self) -> None:
        """
        Every event, last event ID and header is as recorded, and Chromium never reconnects
        earlier than recorded.
        """
        recorded = read_answers()
        differing = []
        for answer in await ask(reactor, read_corpus()):
            expected = recorded[answer.name]
            # Later is no fault: a busy machine is late too.
            returns = max(answer.returns, expected.returns, key=RETURNS.index)
            if answer != expected._replace(returns=returns):
                differing.append((answer, expected))

        self.assertEqual(differing, [])
