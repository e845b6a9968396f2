"""
The decoder makes of every stream of the corpus what Chromium makes of it, however it is cut.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.corpus import (
    CORPUS,
    RETURNS,
    Answer,
    read_answers,
    read_corpus,
    read_deviations,
)
from tests.conformance.make_corpus import corpus_text
from twisted_sse.events.codec import Decoder

__all__ = ["CorpusTests", "DecoderTests", "heard"]

STREAMS = read_corpus()
CHROMIUM = read_answers()
STANDARD = read_deviations()

# Chromium's own reconnection time, in milliseconds.
_DEFAULT = 3000

# The longest stream, in bytes, that is cut at every place.
_SHORT = 150

_RANDOM_CUTS = 5


def heard(pieces: Iterable[bytes]) -> tuple[list[list[str]], str, str]:
    """
    What a page would hear, its last event ID at the end, and when a browser would return.
    """
    decoder = Decoder()
    events: list[list[str]] = []
    last_event_id = ""
    for piece in pieces:
        for event in decoder.feed(piece):
            if event.id is not None:
                last_event_id = event.id
            if event.data is not None:
                events.append([event.event or "message", event.data, last_event_id])
    time = decoder.reconnection_time
    return events, decoder.last_event_id, _returns(_DEFAULT if time is None else time)


def _returns(time: int) -> str:
    return RETURNS[(time >= _DEFAULT) + (time > _DEFAULT)]


def _cut(content: bytes, points: Iterable[int]) -> list[bytes]:
    return [content[a:b] for a, b in pairwise([0, *sorted(points), len(content)])]


def _expected(answer: Answer, last_event_id: str) -> tuple[list[list[str]], str, str]:
    """
    What *answer* says; who has not come back has not said its last event ID.
    """
    told = last_event_id if answer.last_event_id is None else answer.last_event_id
    return answer.events, told, answer.returns


class CorpusTests(SynchronousTestCase):
    """
    The files belong together.
    """

    def test_made(self) -> None:
        """
        The corpus is what the script makes.
        """
        self.assertEqual(CORPUS.read_text("ascii"), corpus_text())

    def test_answered(self) -> None:
        """
        There are more than a thousand streams, and an answer to each.
        """
        names = [stream.name for stream in STREAMS]

        self.assertGreater(len(names), 1000)
        self.assertEqual(list(CHROMIUM), names)

    def test_various(self) -> None:
        """
        No two streams are alike, and most of them make a browser dispatch something.
        """
        dispatched = sum(bool(answer.events) for answer in CHROMIUM.values())

        self.assertEqual(len({stream.content for stream in STREAMS}), len(STREAMS))
        self.assertGreater(dispatched, len(STREAMS) / 2)

    def test_deviations(self) -> None:
        """
        Where it is said that Chromium deviates, it does.
        """
        alike = [name for name, answer in STANDARD.items() if answer == CHROMIUM[name]]

        self.assertEqual(alike, [])


class DecoderTests(SynchronousTestCase):
    """
    Type, data, last event ID and reconnection time are Chromium's, or else the standard's.
    """

    def check(self, cuts: Callable[[bytes], Iterable[Sequence[bytes]]]) -> None:
        """
        Read every stream in every way that *cuts* has for it, and see that none differs.
        """
        differing = []
        for stream in STREAMS:
            answer = STANDARD.get(stream.name) or CHROMIUM[stream.name]
            for pieces in cuts(stream.content):
                told = heard(pieces)
                if told != _expected(answer, told[1]):
                    differing.append((stream.name, pieces, told))

        self.assertEqual(differing, [])

    def test_whole(self) -> None:
        """
        When it comes at once.
        """
        self.check(lambda content: [[content]])

    def test_byte_by_byte(self) -> None:
        """
        When its bytes come one at a time.
        """
        self.check(lambda content: [_cut(content, range(1, len(content)))])

    def test_every_split(self) -> None:
        """
        When it comes in two parts, wherever it is cut.
        """
        self.check(
            lambda content: (
                _cut(content, [at]) for at in range(1, len(content)) if len(content) <= _SHORT
            )
        )

    def test_random_cuts(self) -> None:
        """
        When it comes in parts of any size, empty ones among them.
        """
        chance = random.Random(2026)

        def cuts(content: bytes) -> Iterable[list[bytes]]:
            for _ in range(_RANDOM_CUTS):
                count = chance.randrange(1, 12)
                yield _cut(content, [chance.randint(0, len(content)) for _ in range(count)])

        self.check(cuts)
