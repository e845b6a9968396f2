"""
The Chromium at hand still answers the corpus as its recorded answers say.
"""

import signal
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.trial.unittest import TestCase

from tests.conformance.corpus import RETURNS, read_answers, read_corpus
from tests.conformance.record import ask

__all__ = ["ChromiumTests"]

# Typed as what it provides, which it does only after it has been chosen.
reactor: Any = _reactor


class ChromiumTests(TestCase):
    """
    All streams of the corpus, each in an EventSource of its own in one page.
    """

    timeout = 180

    @classmethod
    def setUpClass(cls) -> None:
        """
        Keep who ends this process: the reactor leaves its own handlers behind, with which
        SIGTERM would end nothing.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            cls.addClassCleanup(signal.signal, number, signal.getsignal(number))

    async def test_answers(self) -> None:
        """
        Every event, every last event ID and every header is the recorded one, and Chromium
        never comes back earlier than it then did.
        """
        recorded = read_answers()
        differing = []
        for answer in await ask(reactor, read_corpus()):
            expected = recorded[answer.name]
            # Later is no fault: a busy machine is late as well.
            returns = max(answer.returns, expected.returns, key=RETURNS.index)
            if answer != expected._replace(returns=returns):
                differing.append((answer, expected))

        self.assertEqual(differing, [])
