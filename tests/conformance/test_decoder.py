"""
The decoder decodes every stream of the corpus as Chromium does, however it is split.
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

__all__ = ["CorpusTests", "DecoderTests", "decode_stream"]

STREAMS = read_corpus()
CHROMIUM = read_answers()
STANDARD = read_deviations()

# Chromium's default reconnection time, in milliseconds.
_DEFAULT = 3000

# The longest stream, in bytes, that is split at every byte.
_SHORT = 150

_RANDOM_CUTS = 5


def decode_stream(pieces: Iterable[bytes]) -> tuple[list[list[str]], str, str]:
    """
    Return the events of a page, its final last event ID, and when a browser would reconnect.
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
    Return the recorded result.  Without a reconnection, the last event ID was not recorded.
    """
    decoded = last_event_id if answer.last_event_id is None else answer.last_event_id
    return answer.events, decoded, answer.returns


class CorpusTests(SynchronousTestCase):
    """
    The files are consistent.
    """

    def test_made(self) -> None:
        """
        The corpus is the output of the script.
        """
        self.assertEqual(CORPUS.read_text("ascii"), corpus_text())

    def test_answered(self) -> None:
        """
        The corpus has more than a thousand streams, each with an answer.
        """
        names = [stream.name for stream in STREAMS]

        self.assertGreater(len(names), 1000)
        self.assertEqual(list(CHROMIUM), names)

    def test_various(self) -> None:
        """
        No two streams are equal, and a browser dispatches events for most of them.
        """
        dispatched = sum(bool(answer.events) for answer in CHROMIUM.values())

        self.assertEqual(len({stream.content for stream in STREAMS}), len(STREAMS))
        self.assertGreater(dispatched, len(STREAMS) / 2)

    def test_deviations(self) -> None:
        """
        Every deviation differs from Chromium's answer.
        """
        alike = [name for name, answer in STANDARD.items() if answer == CHROMIUM[name]]

        self.assertEqual(alike, [])


class DecoderTests(SynchronousTestCase):
    """
    Types, data, last event IDs and reconnection times are Chromium's, or else the standard's.
    """

    def check(self, cuts: Callable[[bytes], Iterable[Sequence[bytes]]]) -> None:
        """
        Check every stream, split in each way that *cuts* returns.
        """
        differing = []
        for stream in STREAMS:
            answer = STANDARD.get(stream.name) or CHROMIUM[stream.name]
            for pieces in cuts(stream.content):
                decoded = decode_stream(pieces)
                if decoded != _expected(answer, decoded[1]):
                    differing.append((stream.name, pieces, decoded))

        self.assertEqual(differing, [])

    def test_whole(self) -> None:
        """
        Each stream is fed at once.
        """
        self.check(lambda content: [[content]])

    def test_byte_by_byte(self) -> None:
        """
        Each stream is fed byte by byte.
        """
        self.check(lambda content: [_cut(content, range(1, len(content)))])

    def test_every_split(self) -> None:
        """
        Each short stream is fed in two parts, split at every byte.
        """
        self.check(
            lambda content: (
                _cut(content, [at]) for at in range(1, len(content)) if len(content) <= _SHORT
            )
        )

    def test_random_cuts(self) -> None:
        """
        Each stream is fed in parts of random sizes, including empty ones.
        """
        rng = random.Random(2026)

        def cuts(content: bytes) -> Iterable[list[bytes]]:
            for _ in range(_RANDOM_CUTS):
                count = rng.randrange(1, 12)
                yield _cut(content, [rng.randint(0, len(content)) for _ in range(count)])

        self.check(cuts)
