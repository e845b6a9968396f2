"""
The versions of the protocol.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.web.mercure.versions import VERSIONS, check_versions

__all__ = ["VersionTests"]


class VersionTests(SynchronousTestCase):
    """
    Which versions a hub speaks.
    """

    def test_known(self) -> None:
        """
        One or both may be chosen, also by a single string.
        """
        self.assertEqual(check_versions("protocols", VERSIONS), set(VERSIONS))
        self.assertEqual(check_versions("protocols", "mercure-1.0"), {"mercure-1.0"})

    def test_refused(self) -> None:
        """
        An unknown version, and no version at all, are refused by a sentence.
        """
        for given, wrong in ((["mercure"], "'mercure'"), ([], "empty")):
            with self.subTest(given=given):
                error = self.assertRaises(ValueError, check_versions, "protocols", given)

                self.assertEqual(
                    str(error),
                    f"protocols is {wrong}: write mercure-0.x or mercure-1.0, or both",
                )
