"""
The bytes of a batch are joined and framed once, for all audiences.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.orders import Order
from twisted_sse.broker.audiences.audience import PayloadCache
from twisted_sse.broker.audiences.representation import PLAIN, REPLICATED
from twisted_sse.transport.framing import chunked, raw

__all__ = ["PayloadCacheTests"]


class PayloadCacheTests(SynchronousTestCase):
    """
    What the cache finds, and what it does not.
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
        The same batch in the same framing gives the same object.
        """
        first = self.payloads.of(PLAIN, raw, [self.one, self.two])

        self.assertIs(self.payloads.of(PLAIN, raw, [self.one, self.two]), first)

    def test_differs(self) -> None:
        """
        Another framing or another batch makes another payload.
        """
        one, two = self.one, self.two

        self.assertEqual(self.payloads.of(PLAIN, chunked, [one]), chunked(one.frame))
        self.assertEqual(self.payloads.of(PLAIN, raw, [one]), one.frame)
        self.assertEqual(self.payloads.of(PLAIN, raw, [one, two]), one.frame + two.frame)
        self.assertEqual(self.payloads.of(PLAIN, raw, [two]), two.frame)

    def test_replicated(self) -> None:
        """
        Other hubs get the same batch with replication comments.
        """
        both = b"".join(REPLICATED.frames([self.one, self.two]))
        plain = self.payloads.of(PLAIN, raw, [self.one, self.two])

        self.assertEqual(self.payloads.of(REPLICATED, raw, [self.one, self.two]), both)
        self.assertNotEqual(both, plain)

    def test_forget(self) -> None:
        """
        Payloads are forgotten when the turn is over.
        """
        batch = [self.one, self.two]
        before = self.payloads.of(PLAIN, raw, batch)
        self.payloads.forget()

        self.assertIsNot(self.payloads.of(PLAIN, raw, batch), before)
