"""
What `since` may do wrong with IDs that it knows, and with those it does not.
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
    Finds an ID that is only alike.
    """

    def alike(self, known: str, asked: str) -> bool:
        """
        Whether *known* is found when *asked* is asked for.
        """
        raise NotImplementedError

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if last_event_id is None:
            return super().since(None, topics, limit)
        for one in self.all():
            if self.alike(one.id, last_event_id):
                return super().since(one.id, topics, limit)
        return super().since(last_event_id, topics, limit)


@breaks("test_publishers_ids_are_found", "test_alike_ids")
class _AnyCaseIDs(_AlikeIDs):
    """
    Does not tell capital letters from small ones, as some databases do.
    """

    def alike(self, known: str, asked: str) -> bool:
        return known.casefold() == asked.casefold()


@breaks("test_publishers_ids_are_found")
class _NormalizedIDs(_AlikeIDs):
    """
    Does not tell forms of the same character apart, as some databases do.
    """

    def alike(self, known: str, asked: str) -> bool:
        return unicodedata.normalize("NFC", known) == unicodedata.normalize("NFC", asked)


@breaks("test_alike_ids")
class _StrippedIDs(_AlikeIDs):
    """
    Does not tell whether spaces surround an ID.
    """

    def alike(self, known: str, asked: str) -> bool:
        return known == asked.strip()


@breaks("test_hostile_ids")
class _PatternIDs(_AlikeIDs):
    """
    Takes an ID for a pattern.
    """

    def alike(self, known: str, asked: str) -> bool:
        return fnmatchcase(known, asked)


@breaks("test_same_id", "test_locate_oldest")
class _NewestOfSame(Wrong):
    """
    Takes the newest of several publications with the same ID.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, MANY)
        places = [place for place, one in enumerate(found, 1) if one.id == last_event_id]
        return found[places[-1] if places else 0 :][:limit]

    def locate(self, event_id: str) -> Any:
        position = super().locate(event_id)
        return position._replace(
            number=max([position.number, *(one.number for one in self.all() if one.id == event_id)])
        )


@breaks("test_many_questions")
class _OneQuestion(Wrong):
    """
    Remembers one question, and answers it to all.
    """

    async def since(self, *arguments: Any) -> Any:
        self.arguments = arguments
        await deferLater(reactor, 0)
        return super().since(*self.arguments)


@breaks("test_hostile_ids", "test_hostile_ids_when_empty", "test_alike_ids", "test_forgotten")
class _NothingMissed(Wrong):
    """
    Says of an ID that it does not know that nothing was missed.
    """

    def since(self, *arguments: Any) -> Any:
        try:
            return super().since(*arguments)
        except UnknownEventID:
            return []


@breaks("test_hostile_ids", "test_hostile_ids_when_empty", "test_alike_ids")
class _NumbersOnly(Wrong):
    """
    Expects an ID to be as it makes them.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if last_event_id is not None and not any(one.id == last_event_id for one in self.all()):
            int(last_event_id.rpartition("-")[2])
        return super().since(last_event_id, topics, limit)


@breaks("test_hostile_ids", "test_hostile_ids_when_empty")
class _Earliest(Wrong):
    """
    Gives "earliest" a meaning, which is the hub's to give.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return super().since(None if last_event_id == "earliest" else last_event_id, topics, limit)


@breaks("test_hostile_ids")
class _Harmed(Wrong):
    """
    Forgets everything when an ID is put into its SQL.
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
    Knows every ID while nothing is kept.
    """

    def since(self, *arguments: Any) -> Any:
        return super().since(*arguments) if self.all() else []


@breaks("test_alike_ids")
class _LooseNumbers(Wrong):
    """
    Reads the number of an ID as Python does.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        epoch, _, digits = (last_event_id or "").rpartition("-")
        if digits.strip().isdecimal() and len(digits) < 20:
            last_event_id = f"{epoch}-{int(digits)}"
        return super().since(last_event_id, topics, limit)


@breaks("test_alike_ids")
class _Future(Wrong):
    """
    Takes an ID of the future for one that nothing follows.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        epoch, _, digits = (last_event_id or "").rpartition("-")
        ours = self.store.memory.tail(1).newest.id.rpartition("-")[0]
        if epoch == ours and digits.isascii() and digits.isdecimal() and digits[0] != "0":
            last_event_id = f"{epoch}-{min(int(digits), len(self.all()))}"
        return super().since(last_event_id, topics, limit)


@breaks("test_other_life", durable=False)
class _NoEpoch(Wrong):
    """
    Makes IDs of numbers alone, so that every life gives the same.
    """

    def append(self, publications: Any) -> Any:
        return [one._replace(id=str(one.number)) for one in super().append(publications)]

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        kept = self.all()
        if last_event_id is None or not last_event_id.isdecimal() or int(last_event_id) > len(kept):
            return super().since(last_event_id, topics, limit)
        return kept[int(last_event_id) :][:limit]


@breaks("test_unknown_of_any_topic")
class _NobodyWants(Wrong):
    """
    Does not look for the ID if nothing that is wanted is kept.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        wanted = [one for one in self.all() if topics.matches(one.publication.topics)]
        return super().since(last_event_id, topics, limit) if wanted else []
