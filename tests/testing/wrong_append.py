"""
What `append` may do wrong.
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
    Wants to be told more than it is.
    """

    def append(self, publications: Any, durably: bool) -> Any:  # type: ignore[override]
        return super().append(publications)


@breaks("test_append_order")
class _Reversed(Wrong):
    """
    Answers the newest first.
    """

    def append(self, publications: Any) -> Any:
        return super().append(publications)[::-1]


@breaks("test_numbers")
class _KeptReversed(Wrong):
    """
    Keeps the last of a batch first, and answers in the order of the batch.
    """

    def append(self, publications: Any) -> Any:
        return super().append(publications[::-1])[::-1]


@breaks("test_append_order")
class _Unanswered(Wrong):
    """
    Answers only the first of a batch.
    """

    def append(self, publications: Any) -> Any:
        return super().append(publications)[:1]


@breaks("test_append_order")
class _WithoutDuplicates(Wrong):
    """
    Takes the same data again for a repetition, and leaves it out.
    """

    def append(self, publications: Any) -> Any:
        known = [one.publication for one in self.all()]
        return super().append([one for one in publications if one not in known])


@breaks("test_numbers")
class _NumbersOfBatch(Wrong):
    """
    Counts anew in each batch.
    """

    def append(self, publications: Any) -> Any:
        kept = super().append(publications)
        return [one._replace(number=number) for number, one in enumerate(kept)]


@breaks("test_numbers")
class _NumberOfBatch(Wrong):
    """
    Gives one number to a whole batch.
    """

    def append(self, publications: Any) -> Any:
        kept = super().append(publications)
        return [one._replace(number=kept[0].number) for one in kept]


class _IDs(Wrong):
    """
    Gives IDs of another kind.
    """

    def named(self, kept: Record, place: int) -> str:
        """
        The ID of *kept*, which has not one of its publisher's.
        """
        raise NotImplementedError

    def append(self, publications: Any) -> Any:
        return [
            one if one.publication.event.id else one._replace(id=self.named(one, place))
            for place, one in enumerate(super().append(publications))
        ]


@breaks("test_generated_ids_differ")
class _IDsOfBatch(_IDs):
    """
    Gives the same IDs in each batch.
    """

    def named(self, kept: Record, place: int) -> str:
        return f"{place}"


@breaks("test_generated_ids_differ")
class _IDsOfData(_IDs):
    """
    Makes IDs of the data.
    """

    def named(self, kept: Record, place: int) -> str:
        return f"id-{kept.publication.event.data}"


@breaks("test_generated_ids_travel")
class _SpacedIDs(_IDs):
    """
    Gives IDs that end with a space.
    """

    def named(self, kept: Record, place: int) -> str:
        return f"{kept.id} "


@breaks("test_generated_ids_travel")
class _BrokenIDs(_IDs):
    """
    Gives IDs with a line end.
    """

    def named(self, kept: Record, place: int) -> str:
        return f"{kept.id}\n"


@breaks("test_generated_ids_travel")
class _EmptyIDs(_IDs):
    """
    Gives empty IDs.
    """

    def named(self, kept: Record, place: int) -> str:
        return ""


@breaks("test_generated_ids_travel")
class _EarliestIDs(_IDs):
    """
    Gives an ID that means something else.
    """

    def named(self, kept: Record, place: int) -> str:
        return "earliest"


@breaks("test_generated_ids_travel")
class _NumericIDs(_IDs):
    """
    Gives IDs that are no text.
    """

    def named(self, kept: Record, place: int) -> Any:
        return kept.number


@breaks("test_publishers_ids")
class _OwnIDs(Wrong):
    """
    Answers with IDs of its own, also if the publisher has given one.
    """

    def append(self, publications: Any) -> Any:
        return [one._replace(id=f"x-{one.number}") for one in super().append(publications)]


@breaks("test_large_batch")
class _BatchOf500(Wrong):
    """
    Keeps at most 500 at once.
    """

    def append(self, publications: Any) -> Any:
        numbers = count(1 << 10)
        kept = super().append(publications[:500])
        rest = (Record(next(numbers), f"x-{id(one)}", one) for one in publications[500:])
        return [*kept, *rest]


@breaks("test_whole_batches", "test_tail_meanwhile")
class _Piecemeal(Wrong):
    """
    Keeps a batch one by one, with waits in between.
    """

    async def append(self, publications: Any) -> Any:
        kept: list[Record] = []
        for one in publications:
            kept += super().append([one])
            await deferLater(reactor, 0)
        return kept
