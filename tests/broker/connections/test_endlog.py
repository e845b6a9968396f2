"""
The line that is logged when a stream ends.
"""

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from twisted_sse import Grant
from twisted_sse.broker.connections.endlog import log_end

__all__ = ["UserTests"]


class UserTests(SynchronousTestCase):
    """
    Users are named by tokens, so their names may be anything.
    """

    CASES = (
        (None, "-"),
        ("ada", "ada"),
        ("zoë@example.com", "zoë@example.com"),
        ("a b", "'a b'"),
        ("a\n10.0.0.1 - stream ended", r"'a\n10.0.0.1 - stream ended'"),
        ("a\x1b[2J", r"'a\x1b[2J'"),
        ("a\u202eb", r"'a\u202eb'"),
    )

    def test_one_word(self) -> None:
        """
        A name is one word, or stands in quotes, and never has a control character.
        """
        hub, clock = make_hub()
        hub.on_disconnect(log_end)
        for user, shown in self.CASES:
            with self.subTest(user=user), capturedLogs() as logged:
                subscriber = Subscriber(hub, "a", grant=Grant(user, public=True))
                clock.advance(0)
                subscriber.connection.close()
                clock.advance(0)
                found = map(str, map(formatEvent, logged))
                lines = [line for line in found if "stream ended: closed" in line]

                self.assertEqual(len(lines), 1, lines)
                self.assertRegex(lines[0], r"^\S+ .* stream ended: closed, ")
                self.assertEqual(
                    lines[0].split(" ", 1)[1].partition(" stream ended: closed")[0], shown
                )
