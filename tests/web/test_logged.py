"""
What a log may tell about a request.
"""

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request
from twisted.web.test.requesthelper import DummyChannel

from twisted_sse.web.logged import logged, note_refusal, note_user

__all__ = ["LoggedTests"]


class LoggedTests(SynchronousTestCase):
    """
    `logged`.
    """

    def setUp(self) -> None:
        """
        Make a request.
        """
        self.request = Request(DummyChannel(), False)

    def told(self) -> tuple[str | None, str | None]:
        """
        The user and the refusal.
        """
        found = logged(self.request)
        return found.user, found.refusal

    def test_nothing(self) -> None:
        """
        Nothing is known about most requests, not even that a grant names nobody.
        """
        note_user(self.request, None)

        self.assertEqual(self.told(), (None, None))

    def test_both(self) -> None:
        """
        User and refusal do not replace each other, in any order.
        """
        note_user(self.request, "ada")
        note_refusal(self.request, "No.")
        first = self.told()
        note_user(self.request, "bob")

        self.assertEqual((first, self.told()), (("ada", "No."), ("bob", "No.")))
