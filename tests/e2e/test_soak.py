"""
Streams that are opened and aborted at random leave nothing behind: see `tests.soak`.
"""

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.soak.generators import soak

__all__ = ["SoakTests"]


class SoakTests(TestCase):
    """
    A short run with a fixed seed.
    """

    timeout = 120

    # It counts all objects of the process, so other tests must not run in it meanwhile.
    @pytest.mark.alone
    def test_generators(self) -> "Deferred[None]":
        """
        Every source that began is closed once, and no object, timer or file remains.
        """

        async def run() -> None:
            outcome = await soak(reactor, 500, 3)

            self.assertEqual(outcome.noted["begun"], outcome.noted["ended"])
            self.assertGreater(outcome.noted["begun"], 0)
            self.assertEqual((outcome.grown, outcome.logged, outcome.staying), ({}, [], 0))
            self.assertTrue(outcome.clean, outcome)

        return Deferred.fromCoroutine(run())
