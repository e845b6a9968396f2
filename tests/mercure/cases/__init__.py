"""
All cases, by what they are about.
"""

from collections.abc import Sequence

from tests.mercure.case import Case
from tests.mercure.cases import (
    authorization,
    delivery,
    publishing,
    resuming,
    subscribing,
    subscriptions,
)

__all__ = ["GROUPS"]

#: The cases of each group.
GROUPS: dict[str, Sequence[Case]] = {
    "subscribing": subscribing.CASES,
    "publishing": publishing.CASES,
    "authorization": authorization.CASES,
    "delivery": delivery.CASES,
    "resuming": resuming.CASES,
    "subscriptions": subscriptions.CASES,
}
