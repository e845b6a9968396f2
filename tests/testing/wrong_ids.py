"""
Mistakes of `since` with known and unknown IDs.
"""

import unicodedata
from fnmatch import fnmatchcase
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.testing.wrong import MANY, Wrong, breaks
from twisted_sse.errors import UnknownEventID

__all__: list[str] = []


class _AlikeIDs(Wrong):
    """
    Accepts IDs that are only similar.
    """

    def alike(self, known: str, asked: str) -> bool:
        """
        Return whether *asked* is accepted for *known*.
        """
        raise NotImplementedError

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if last_event_id is None:
            return super().since(None, topics, limit)
        for record in self.all():
            if self.alike(record.id, last_event_id):
                return super().since(record.id, topics, limit)
        return super().since(last_event_id, topics, limit)


@breaks("test_publishers_ids_are_found", "test_alike_ids")
class _AnyCaseIDs(_AlikeIDs):
    """
    Ignores case, as some databases do.
    """

    def alike(self, known: str, asked: str) -> bool:
        return known.casefold() == asked.casefold()


@breaks("test_publishers_ids_are_found")
class _NormalizedIDs(_AlikeIDs):
    """
    Ignores Unicode normalization, as some databases do.
    """

    def alike(self, known: str, asked: str) -> bool:
        return unicodedata.normalize("NFC", known) == unicodedata.normalize("NFC", asked)


@breaks("test_alike_ids")
class _StrippedIDs(_AlikeIDs):
    """
    Ignores spaces around an ID.
    """

    def alike(self, known: str, asked: str) -> bool:
        return known == asked.strip()


@breaks("test_hostile_ids")
class _PatternIDs(_AlikeIDs):
    """
    Uses an ID as a pattern.
    """

    def alike(self, known: str, asked: str) -> bool:
        return fnmatchcase(known, asked)


@breaks("test_same_id", "test_locate_oldest")
class _NewestOfSame(Wrong):
    """
    Uses the newest of several publications with the same ID.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, MANY)
        indexes = [index for index, record in enumerate(found, 1) if record.id == last_event_id]
        return found[indexes[-1] if indexes else 0 :][:limit]

    def locate(self, event_id: str) -> Any:
        position = super().locate(event_id)
        return position._replace(
            number=max(
                [
                    position.number,
                    *(record.number for record in self.all() if record.id == event_id),
                ]
            )
        )


@breaks("test_concurrent_calls")
class _OneCall(Wrong):
    """
    Uses the arguments of the last call for all concurrent calls.
    """

    async def since(self, *arguments: Any) -> Any:
        self.arguments = arguments
        await deferLater(reactor, 0)
        return super().since(*self.arguments)


@breaks("test_hostile_ids", "test_hostile_ids_when_empty", "test_alike_ids", "test_forgotten")
class _NothingMissed(Wrong):
    """
    Returns nothing for an unknown ID.
    """

    def since(self, *arguments: Any) -> Any:
        try:
            return super().since(*arguments)
        except UnknownEventID:
            return []


@breaks("test_hostile_ids", "test_hostile_ids_when_empty", "test_alike_ids")
class _NumbersOnly(Wrong):
    """
    Expects every ID to have its own format.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if last_event_id is not None and not any(
            record.id == last_event_id for record in self.all()
        ):
            int(last_event_id.rpartition("-")[2])
        return super().since(last_event_id, topics, limit)


@breaks("test_hostile_ids", "test_hostile_ids_when_empty")
class _Earliest(Wrong):
    """
    Interprets "earliest", which is up to the hub.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return super().since(None if last_event_id == "earliest" else last_event_id, topics, limit)


@breaks("test_hostile_ids")
class _Harmed(Wrong):
    """
    Forgets everything after an SQL injection.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        try:
            return super().since(last_event_id, topics, limit)
        except UnknownEventID:
            if "DROP TABLE" in last_event_id:
                self.store.wipe()
            raise


@breaks("test_hostile_ids_when_empty")
class _AnyWhenEmpty(Wrong):
    """
    Accepts every ID while nothing is kept.
    """

    def since(self, *arguments: Any) -> Any:
        return super().since(*arguments) if self.all() else []


@breaks("test_alike_ids")
class _LooseNumbers(Wrong):
    """
    Parses the number of an ID with `int`.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        epoch, _, digits = (last_event_id or "").rpartition("-")
        if digits.strip().isdecimal() and len(digits) < 20:
            last_event_id = f"{epoch}-{int(digits)}"
        return super().since(last_event_id, topics, limit)


@breaks("test_alike_ids")
class _Future(Wrong):
    """
    Accepts IDs that were not given yet.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        epoch, _, digits = (last_event_id or "").rpartition("-")
        ours = self.store.memory.tail(1).newest.id.rpartition("-")[0]
        if epoch == ours and digits.isascii() and digits.isdecimal() and digits[0] != "0":
            last_event_id = f"{epoch}-{min(int(digits), len(self.all()))}"
        return super().since(last_event_id, topics, limit)


@breaks("test_lost_store", durable=False)
class _NoEpoch(Wrong):
    """
    Makes IDs of numbers only, so that every new store gives the same.
    """

    def append(self, publications: Any) -> Any:
        return [record._replace(id=str(record.number)) for record in super().append(publications)]

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        records = self.all()
        if (
            last_event_id is None
            or not last_event_id.isdecimal()
            or int(last_event_id) > len(records)
        ):
            return super().since(last_event_id, topics, limit)
        return records[int(last_event_id) :][:limit]


@breaks("test_unknown_of_any_topic")
class _NobodyWants(Wrong):
    """
    Does not check the ID if no record matches the topics.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        wanted = [record for record in self.all() if topics.matches(record.publication.topics)]
        return super().since(last_event_id, topics, limit) if wanted else []
