"""
The fuzzer, at a small size.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.requests import make_case
from tests.fuzz.running import Runner

__all__ = ["FuzzTests"]


class FuzzTests(SynchronousTestCase):
    """
    A few of the cases that ``python -m tests.fuzz`` runs.
    """

    def test_cases(self) -> None:
        """
        Nothing is logged, answered with a server error, or left behind.
        """
        runner = Runner()
        self.addCleanup(runner.close)
        for number in range(2000):
            problems = runner.run(make_case(0, number), number)
            # Its time depends on the machine.
            wrong = [one for one in problems if not one.startswith("CPU")]
            self.assertEqual(wrong, [], f"python -m tests.fuzz --seed 0 --case {number}")

    def test_repeatable(self) -> None:
        """
        A case depends on nothing but its seed and its number.
        """
        self.assertEqual(make_case(1, 2), make_case(1, 2))
        self.assertNotEqual(make_case(1, 2), make_case(2, 2))
