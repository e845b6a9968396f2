"""
An attack on a hub with its default limits and 1,024 open files: see `tests.soak.attack`.
"""

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.soak.attack import attack
from tests.soak.attacker import FLOOD, HALF_HANDSHAKES, HALF_HEADERS

__all__ = ["AttackTests"]


class AttackTests(SynchronousTestCase):
    """
    Connections by the thousand, half requests and half handshakes.
    """

    # The attacker uses whole processors.
    @pytest.mark.alone
    def test_attack(self) -> None:
        """
        Every stream gets everything, the attacker is refused, and newcomers are served after it.
        """
        for addresses in (1, 20):
            with self.subTest(addresses=addresses):
                outcome = attack(
                    streams=100, seconds=3, rate=20, held=500, addresses=addresses, afterward=0.5
                )

                self.assertEqual(outcome.lost, 0)
                before, after = outcome.files
                self.assertLessEqual(after, before)
                for kind in (FLOOD, HALF_HEADERS, HALF_HANDSHAKES):
                    self.assertGreater(outcome.attacker[f"{kind}: opened"], 400)
                for kind in (HALF_HEADERS, HALF_HANDSHAKES):
                    self.assertGreater(outcome.attacker[f"{kind}: closed by the hub"], 100)
