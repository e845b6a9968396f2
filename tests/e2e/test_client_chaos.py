"""
A short run of `python -m tests.chaos client`: clients lose nothing with faulty servers.
"""

import re
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.processes import Background

__all__ = ["ClientChaosTests"]

# The tests' directory comes last, so the installed package goes first.
_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from tests.chaos.__main__ import main
sys.exit(main(sys.argv[2:]))
"""
_ROOT = str(Path(__file__).resolve().parent.parent.parent)

# How long the servers misbehave, and the longest duration of the run, in seconds.
_SECONDS, _PATIENCE = 8, 180


class ClientChaosTests(SynchronousTestCase):
    """
    Eight clients, each with its own server.
    """

    def test_short(self) -> None:
        """
        Whatever the servers do, each event arrives once and in order.
        """
        options = ["--seconds", str(_SECONDS), "--seed", "2026"]
        program = Background([sys.executable, "-c", _PROGRAM, _ROOT, "client", *options])
        self.addCleanup(program.end)

        status = program.process.wait(_PATIENCE)

        told = program.output()
        self.assertEqual(status, 0, told)
        self.assertIn("Every event came once and in order.", told)
        # Events, lost connections and cut streams did occur.
        for name in ("client: events", "client: Lost", "server: stream cut"):
            self.assertRegex(told, rf"(?m)^{re.escape(name)} +[1-9]")
