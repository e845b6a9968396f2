"""
What can be a source.
"""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.generators.source import iterator_of

__all__ = ["IteratorOfTests"]


class IteratorOfTests(SynchronousTestCase):
    """
    `iterator_of`.
    """

    def test_refused(self) -> None:
        """
        Single values are not sources, although Python can iterate over some of them.
        """
        values: list[object] = [
            "text",
            b"bytes",
            {"a": 1},
            ServerSentEvent("x"),
            Deferred(),
            5,
            None,
        ]
        for value in values:
            self.assertRaises(TypeError, iterator_of, value)
