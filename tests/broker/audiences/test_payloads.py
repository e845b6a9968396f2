"""
The bytes of a batch are joined and framed once, for everybody.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.orders import Order
from twisted_sse.broker.audiences.audience import PayloadCache
from twisted_sse.transport.sinks.framing import Annotating, chunked, frame_in, raw

__all__ = ["PayloadsTests"]


class PayloadsTests(SynchronousTestCase):
    """
    What is found again, and what is not.
    """

    def setUp(self) -> None:
        """
        Two entries.
        """
        order = Order()
        self.one, self.two = order.publish(), order.publish()
        self.payloads = PayloadCache()

    def test_found(self) -> None:
        """
        The same batch in the same framing is the same object.
        """
        first = self.payloads.of(raw, [self.one, self.two])

        self.assertIs(self.payloads.of(raw, [self.one, self.two]), first)

    def test_differs(self) -> None:
        """
        Another framing is another payload, and so is another batch.
        """
        one, two = self.one, self.two

        self.assertEqual(self.payloads.of(chunked, [one]), chunked(one.frame))
        self.assertEqual(self.payloads.of(raw, [one]), one.frame)
        self.assertEqual(self.payloads.of(raw, [one, two]), one.frame + two.frame)
        self.assertEqual(self.payloads.of(raw, [two]), two.frame)

    def test_annotated(self) -> None:
        """
        Other hubs get the same batch with notes.
        """
        both = b"".join(map(frame_in(Annotating(raw)), [self.one, self.two]))
        plain = self.payloads.of(raw, [self.one, self.two])

        self.assertEqual(self.payloads.of(Annotating(raw), [self.one, self.two]), both)
        self.assertNotEqual(both, plain)

    def test_forget(self) -> None:
        """
        What was made is let go when the turn is over.
        """
        batch = [self.one, self.two]
        before = self.payloads.of(raw, batch)
        self.payloads.forget()

        self.assertIsNot(self.payloads.of(raw, batch), before)
