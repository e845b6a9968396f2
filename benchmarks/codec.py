"""
Events per second of CPU time through the codec: `python -m benchmarks.codec SECONDS`.

Each event has the generator's 192 bytes of data, an ID and an event type.  It is decoded from
pieces of the size that a socket delivers.
"""

import json
import sys
import time
from collections.abc import Callable

from twisted_sse.events import codec
from twisted_sse.events.event import ServerSentEvent

__all__ = ["events_per_second", "main"]

PIECE = 65_536  # bytes; the size of twisted.internet's reads
STREAM_EVENTS = 1_000

EVENT = ServerSentEvent(data="x" * 192, event="price", id="0f3a-17")


def events_per_second(step: Callable[[], int], seconds: float) -> float:
    """
    Repeat *step*, which returns its number of events, for at least *seconds* of CPU time.
    """
    step()
    done, began = 0, time.process_time()
    while (elapsed := time.process_time() - began) < seconds:
        done += step()
    return done / elapsed


def encode() -> int:
    """
    Encode as many events as the decoder's stream has.
    """
    for _ in range(STREAM_EVENTS):
        codec.encode(EVENT)
    return STREAM_EVENTS


def decoding() -> Callable[[], int]:
    """
    Return a step that decodes a stream in pieces.
    """
    stream = codec.encode(EVENT) * STREAM_EVENTS
    pieces = [stream[at : at + PIECE] for at in range(0, len(stream), PIECE)]

    def step() -> int:
        decoder = codec.Decoder()
        return sum(len(decoder.feed(piece)) for piece in pieces)

    return step


def main(seconds: float) -> None:
    """
    Print both figures as JSON.
    """
    result = {
        "encoded_per_s": events_per_second(encode, seconds),
        "decoded_per_s": events_per_second(decoding(), seconds),
    }
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(float(sys.argv[1]))
