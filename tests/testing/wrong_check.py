"""
Mistakes of `check_available`.
"""

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.support.shared import SharedMemoryHistory
from tests.testing.wrong import Wrong, breaks
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Publication
from twisted_sse.interfaces import ICheckedHistory

__all__: list[str] = []


@breaks("test_check_interface")
@implementer(ICheckedHistory)
class _NoCheck(SharedMemoryHistory):
    """
    Declares `ICheckedHistory` and has no `check_available`.
    """


@breaks("test_check")
class _NotYet(Wrong):
    """
    Cannot keep anything before it has kept something.
    """

    def check_available(self) -> Any:
        super().check_available()
        if not self.all():
            raise HistoryUnavailable("Nothing was kept so far.")


@breaks("test_check_at_once")
class _OneAtATime(Wrong):
    """
    Never answers a check that comes while another one runs.
    """

    checking = False

    def check_available(self) -> Any:
        super().check_available()
        if self.checking:
            return Deferred()
        self.checking = True
        return None


@breaks("test_check_keeps_nothing")
class _Publishes(Wrong):
    """
    Tries by appending a publication.
    """

    def check_available(self) -> Any:
        super().check_available()
        self.append([Publication.of("check", "x")])


@breaks("test_check_unavailable")
class _Optimist(Wrong):
    """
    Never looks at its store.
    """

    def check_available(self) -> Any:
        if not self.running:
            super().check_available()


@breaks("test_check_unavailable")
class _Silent(Wrong):
    """
    Does not say why.
    """

    def check_available(self) -> Any:
        try:
            super().check_available()
        except HistoryUnavailable as error:
            raise HistoryUnavailable from error


@breaks("test_check_unavailable")
class _Resentful(Wrong):
    """
    Never passes again after one failure.
    """

    failed = False

    def check_available(self) -> Any:
        try:
            super().check_available()
        except HistoryUnavailable:
            self.failed = True
            raise
        if self.failed:
            raise HistoryUnavailable("It was away.")


@breaks("test_check_stopped")
class _AlwaysOn(Wrong):
    """
    Passes although it is stopped.
    """

    def check_available(self) -> Any:
        self.store.available.tail(1)
