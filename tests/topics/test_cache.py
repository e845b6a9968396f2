"""
The cache that is bounded by what it holds.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.topics import BoundedCache

__all__ = ["BoundedCacheTests"]


class BoundedCacheTests(SynchronousTestCase):
    """
    A cache of 10 bytes.
    """

    def setUp(self) -> None:
        self.discarded: list[str] = []
        self.cache: BoundedCache[int, str] = BoundedCache(10, self.discarded.append)

    def test_held(self) -> None:
        """
        A value is found by its key until it is discarded.
        """
        self.cache.put(1, "a", 5)

        self.assertEqual(self.cache.get(1), "a")
        self.assertIsNone(self.cache.get(2))

    def test_bound(self) -> None:
        """
        Values are discarded until the others fit, the least recently used first.
        """
        for key, value in enumerate("abc"):
            self.cache.put(key, value, 3)
        self.cache.get(0)
        self.cache.put(3, "d", 4)

        self.assertEqual(self.discarded, ["b"])
        self.assertEqual((len(self.cache), self.cache.weight), (3, 10))

    def test_too_heavy(self) -> None:
        """
        A value that is heavier than the bound is not held, and others stay.
        """
        self.cache.put(1, "a", 5)
        self.cache.put(2, "b", 11)

        self.assertIsNone(self.cache.get(2))
        self.assertEqual(self.cache.get(1), "a")
        self.assertEqual(self.cache.weight, 5)

    def test_replaced(self) -> None:
        """
        A second value of a key replaces the first, and its weight.
        """
        self.cache.put(1, "a", 5)
        self.cache.put(1, "b", 6)

        self.assertEqual(self.cache.get(1), "b")
        self.assertEqual(self.cache.weight, 6)
        self.assertEqual(self.discarded, ["a"])

    def test_clear(self) -> None:
        """
        A cleared cache holds nothing.
        """
        self.cache.put(1, "a", 5)
        self.cache.clear()

        self.assertEqual((len(self.cache), self.cache.weight), (0, 0))
        self.assertEqual(self.discarded, ["a"])
