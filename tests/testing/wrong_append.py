"""
Mistakes of `append`.
"""

from itertools import count
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.testing.wrong import Wrong, breaks
from twisted_sse.events.publication import Record

__all__: list[str] = []


@breaks("test_interface")
class _Signature(Wrong):
    """
    Has an additional parameter.
    """

    def append(self, publications: Any, durably: bool) -> Any:  # type: ignore[override]
        return super().append(publications)


@breaks("test_append_order")
class _Reversed(Wrong):
    """
    Returns the newest first.
    """

    def append(self, publications: Any) -> Any:
        return super().append(publications)[::-1]


@breaks("test_numbers")
class _StoredReversed(Wrong):
    """
    Keeps the last of a batch first, and returns records in the order of the batch.
    """

    def append(self, publications: Any) -> Any:
        return super().append(publications[::-1])[::-1]


@breaks("test_append_order")
class _Unanswered(Wrong):
    """
    Returns only the first record of a batch.
    """

    def append(self, publications: Any) -> Any:
        return super().append(publications)[:1]


@breaks("test_append_order")
class _WithoutDuplicates(Wrong):
    """
    Leaves out publications that are equal to earlier ones.
    """

    def append(self, publications: Any) -> Any:
        known = [record.publication for record in self.all()]
        return super().append([each for each in publications if each not in known])


@breaks("test_numbers")
class _NumbersOfBatch(Wrong):
    """
    Starts its numbers again in each batch.
    """

    def append(self, publications: Any) -> Any:
        records = super().append(publications)
        return [record._replace(number=number) for number, record in enumerate(records)]


@breaks("test_numbers")
class _NumberOfBatch(Wrong):
    """
    Gives one number to all records of a batch.
    """

    def append(self, publications: Any) -> Any:
        records = super().append(publications)
        return [record._replace(number=records[0].number) for record in records]


class _IDs(Wrong):
    """
    Gives IDs of another kind.
    """

    def named(self, record: Record, index: int) -> str:
        """
        Return the ID of *record*, for which the publisher chose none.
        """
        raise NotImplementedError

    def append(self, publications: Any) -> Any:
        return [
            record if record.publication.event.id else record._replace(id=self.named(record, index))
            for index, record in enumerate(super().append(publications))
        ]


@breaks("test_generated_ids_differ")
class _IDsOfBatch(_IDs):
    """
    Gives the same IDs in each batch.
    """

    def named(self, record: Record, index: int) -> str:
        return f"{index}"


@breaks("test_generated_ids_differ")
class _IDsOfData(_IDs):
    """
    Derives IDs from the data.
    """

    def named(self, record: Record, index: int) -> str:
        return f"id-{record.publication.event.data}"


@breaks("test_generated_ids_travel")
class _SpacedIDs(_IDs):
    """
    Gives IDs that end with a space.
    """

    def named(self, record: Record, index: int) -> str:
        return f"{record.id} "


@breaks("test_generated_ids_travel")
class _BrokenIDs(_IDs):
    """
    Gives IDs with a line end.
    """

    def named(self, record: Record, index: int) -> str:
        return f"{record.id}\n"


@breaks("test_generated_ids_travel")
class _EmptyIDs(_IDs):
    """
    Gives empty IDs.
    """

    def named(self, record: Record, index: int) -> str:
        return ""


@breaks("test_generated_ids_travel")
class _EarliestIDs(_IDs):
    """
    Gives the reserved ID "earliest".
    """

    def named(self, record: Record, index: int) -> str:
        return "earliest"


@breaks("test_generated_ids_travel")
class _NumericIDs(_IDs):
    """
    Gives IDs that are not strings.
    """

    def named(self, record: Record, index: int) -> Any:
        return record.number


@breaks("test_publishers_ids")
class _OwnIDs(Wrong):
    """
    Replaces the IDs that publishers chose.
    """

    def append(self, publications: Any) -> Any:
        return [record._replace(id=f"x-{record.number}") for record in super().append(publications)]


@breaks("test_large_batch")
class _BatchOf500(Wrong):
    """
    Keeps at most 500 publications of a batch.
    """

    def append(self, publications: Any) -> Any:
        numbers = count(1 << 10)
        records = super().append(publications[:500])
        rest = (Record(next(numbers), f"x-{id(each)}", each) for each in publications[500:])
        return [*records, *rest]


@breaks("test_whole_batches", "test_tail_meanwhile")
class _Piecemeal(Wrong):
    """
    Keeps the publications of a batch one by one, and waits in between.
    """

    async def append(self, publications: Any) -> Any:
        records: list[Record] = []
        for publication in publications:
            records += super().append([publication])
            await deferLater(reactor, 0)
        return records
