"""
The contract: all rules in one class.
"""

from __future__ import annotations

from twisted_sse.testing.contract.append import AppendRules
from twisted_sse.testing.contract.bounds import BoundRules
from twisted_sse.testing.contract.checked import CheckRules
from twisted_sse.testing.contract.ends import EndRules, SharedEndRules
from twisted_sse.testing.contract.find import FindRules, SharedFindRules
from twisted_sse.testing.contract.follow import FollowRules
from twisted_sse.testing.contract.leases import LeaseRules, SharedRunRules
from twisted_sse.testing.contract.lifecycle import AvailabilityRules, LifecycleRules
from twisted_sse.testing.contract.locate import LocateRules
from twisted_sse.testing.contract.presence import PresenceRules
from twisted_sse.testing.contract.read import ReadRules
from twisted_sse.testing.contract.runs import RunRules
from twisted_sse.testing.contract.since import SinceRules
from twisted_sse.testing.contract.tail import TailRules
from twisted_sse.testing.contract.unknown_ids import UnknownIDRules

__all__ = ["HistoryProviderContract", "SharedHistoryProviderContract"]


class HistoryProviderContract(
    AppendRules,
    SinceRules,
    UnknownIDRules,
    TailRules,
    BoundRules,
    FindRules,
    EndRules,
    RunRules,
    LeaseRules,
    CheckRules,
    ReadRules,
    AvailabilityRules,
    LifecycleRules,
):
    """
    The tests of `IHistoryProvider`, for the author of a provider to inherit::

        from twisted.trial.unittest import TestCase
        from twisted_sse.testing import HistoryProviderContract

        class OwnHistoryTests(HistoryProviderContract, TestCase):
            bounds = ("events",)

            def make_history(self, **bounds):
                return OwnHistory(**bounds)

    trial, pytest and unittest run it.  Describe the provider further with the
    attributes and methods of `Hooks`; tests of what it cannot do pass at once, and so
    do those of `ISearchableHistory`, `IEndingHistory`, `IRunHistory`, `ICheckedHistory`
    and `IHistoryReader` if it does not provide them.
    Every failure begins with the rule that is broken.
    """


class SharedHistoryProviderContract(
    LocateRules,
    FollowRules,
    SharedFindRules,
    SharedEndRules,
    SharedRunRules,
    PresenceRules,
    HistoryProviderContract,
):
    """
    The tests of `ISharedHistoryProvider`, including those of
    `HistoryProviderContract`; write the method `second_hub`, too.  A provider that
    provides `IPresenceStore` is tested for that as well.
    """
