"""
What is needed of Twisted's private HTTP/2 code.
"""

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.http2.requirements import unmet_requirements

__all__ = ["UnmetRequirementsTests"]


class UnmetRequirementsTests(SynchronousTestCase):
    """
    `unmet_requirements`.
    """

    def test_installed(self) -> None:
        """
        The installed Twisted meets all requirements.
        """
        self.assertEqual(unmet_requirements(), [])

    def test_another(self) -> None:
        """
        What another version lacks is listed.
        """
        other = SimpleNamespace(H2Connection=object)

        lacking = unmet_requirements(other)

        self.assertIn("H2Connection._requestDone", lacking)
        self.assertIn("H2Stream.windowUpdated", lacking)
