"""
What a worker is told first.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.config.option import Given
from twisted_sse.server.workers.assignment import Assignment, OriginAddress

__all__ = ["AssignmentTests"]


class AssignmentTests(SynchronousTestCase):
    """
    `Assignment`.
    """

    def test_round_trip(self) -> None:
        """
        What is encoded is decoded, in one line.
        """
        for origin in (None, OriginAddress("/tmp/hub", "token")):
            with self.subTest(origin=origin):
                assignment = Assignment(
                    number=2,
                    given={"port": Given(("1", "unix:/a\nb"), "hub.toml, line 1", "port")},
                    token="secret",
                    sockets=[5, 6],
                    origin=origin,
                    reactor="twisted.internet.epollreactor",
                )
                line = assignment.encode()

                self.assertEqual(line.count(b"\n"), 1)
                self.assertEqual(Assignment.decode(line), assignment)
