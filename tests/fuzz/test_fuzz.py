"""
The fuzzer, at a small size.
"""

from hpack import Encoder
from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.answers import statuses
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

    def test_statuses(self) -> None:
        """
        The statuses of answers are read, also from a header block of two frames.
        """
        encoder = Encoder()
        blocks = [
            encoder.encode([(":status", status), ("x", "y" * size)])
            for status, size in (("200", 1), ("500", 400))
        ]
        frames = [(4, 0, b""), (1, 4, blocks[0]), (0, 1, b"500"), (1, 0, blocks[1][:100])]
        frames += [(9, 4, blocks[1][100:]), (1, 5, encoder.encode([("trailer", "x")]))]
        received = b"".join(
            len(payload).to_bytes(3) + bytes([kind, flags, 0, 0, 0, 1]) + payload
            for kind, flags, payload in frames
        )

        self.assertEqual(statuses(received + b"\0\0\x09\x01", is_http2=True), [200, 500])
        plain = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Error\r\n\r\nHTTP/1.1 5"
        self.assertEqual(statuses(plain, is_http2=False), [100, 500])

    def test_repeatable(self) -> None:
        """
        A case depends on nothing but its seed and its number.
        """
        self.assertEqual(make_case(1, 2), make_case(1, 2))
        self.assertNotEqual(make_case(1, 2), make_case(2, 2))
