"""
The settings of presence, in Python and as written on a command line.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse import Presence
from twisted_sse.broker.presence.settings import presence_settings, read_presence

__all__ = ["SettingsTests"]


class SettingsTests(SynchronousTestCase):
    """
    What is given, and what it means.
    """

    def test_argument(self) -> None:
        """
        True means the defaults, False no presence, and settings are taken as they are.
        """
        given = Presence(grace=3, most=5)

        self.assertEqual(presence_settings(True), Presence(grace=10.0, most=100_000))
        self.assertIsNone(presence_settings(False))
        self.assertIs(presence_settings(given), given)

    def test_text(self) -> None:
        """
        Text is yes, no, or a number of seconds.
        """
        self.assertEqual(read_presence("yes"), Presence())
        self.assertIsNone(read_presence("no"))
        self.assertEqual(read_presence("2.5"), Presence(grace=2.5))
        self.assertEqual(read_presence("0"), Presence(grace=0))

    def test_wrong_text(self) -> None:
        """
        Everything else is refused with half a sentence.
        """
        for text in ("", "on", "-1", "10s", "nan", "1e3"):
            with self.assertRaises(ValueError) as caught:
                read_presence(text)
            self.assertIn("neither yes, no nor a number of seconds", str(caught.exception))
