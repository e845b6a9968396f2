"""
Epochs: IDs of positions, and positions of IDs.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.history.sqlite.epochs import Epochs

__all__ = ["EpochsTests"]


class EpochsTests(SynchronousTestCase):
    """
    Four openings: positions 5 to 7, none, 8 and 9, and those from 10.
    """

    def setUp(self) -> None:
        """
        Make their epochs.
        """
        self.epochs = Epochs([("aa", 5), ("bb", 8), ("cc", 8), ("dd", 10)])

    def test_name(self) -> None:
        """
        The ID of a position has the epoch in which it was assigned.
        """
        names = [self.epochs.name(number) for number in (4, 5, 7, 8, 9, 10, 99)]

        self.assertEqual(names, ["aa-4", "aa-5", "aa-7", "cc-8", "cc-9", "dd-10", "dd-99"])

    def test_locate(self) -> None:
        """
        An ID is known within its epoch's range, and right before its first position.
        """
        for event_id, number in (
            *[("aa-4", 4), ("aa-7", 7), ("aa-3", None), ("aa-8", None)],
            *[("bb-7", 7), ("bb-8", None), ("cc-7", 7), ("cc-9", 9), ("cc-10", None)],
            *[("dd-9", 9), ("dd-12", 12), ("dd-13", None), ("ee-5", None)],
        ):
            with self.subTest(event_id=event_id):
                self.assertEqual(self.epochs.locate(event_id, 12), number)

    def test_spelling(self) -> None:
        """
        Only the spelling of `name` is known.
        """
        for event_id in ("aa-05", "aa-+5", "aa- 5", "aa-5 ", "aa-\u0665", "aa-5_0", "aa--5", "aa"):
            with self.subTest(event_id=event_id):
                self.assertIsNone(self.epochs.locate(event_id, 12))
        self.assertIsNone(self.epochs.locate("aa-" + "9" * 5000, 12))
