"""
Events a second of CPU time through the codec: `python -m benchmarks.codec SECONDS`.

The event is like the generator's, 192 bytes of data, with an ID and an event type.  It is decoded
from pieces of the size in which a socket delivers them.
"""

import json
import sys
import time
from collections.abc import Callable

from twisted_sse.events import codec
from twisted_sse.events.event import ServerSentEvent

__all__ = ["events_per_second", "main"]

PIECE = 65_536  # bytes; twisted.internet reads that much at a time
STREAM_EVENTS = 1_000

EVENT = ServerSentEvent(data="x" * 192, event="price", id="0f3a-17")


def events_per_second(step: Callable[[], int], seconds: float) -> float:
    """
    Repeat *step*, which says how many events it has done, for at least *seconds* of CPU time.
    """
    step()
    done, began = 0, time.process_time()
    while (elapsed := time.process_time() - began) < seconds:
        done += step()
    return done / elapsed


def encode() -> int:
    """
    Encode as many events as the stream for decoding has.
    """
    for _ in range(STREAM_EVENTS):
        codec.encode(EVENT)
    return STREAM_EVENTS


def decoding() -> Callable[[], int]:
    """
    Make a step that decodes a stream in pieces.
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
