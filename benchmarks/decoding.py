"""
Small events decoded beside other decoders, and whether the work grows as the stream does:
`python -m benchmarks.decoding SECONDS`, of CPU time, for each decoder.

All take turns in one process.  Each reads the same pieces, from bytes to its own events, and has
to find all of them.  A peer that is not installed is left out.
"""

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.build import PEERS
from benchmarks.codec import PIECE, events_per_second
from twisted_sse.events import codec
from twisted_sse.events.event import ServerSentEvent

__all__ = [
    "DECODERS",
    "compared",
    "grown",
    "httpx_sse",
    "installed",
    "line_seconds",
    "lines_seconds",
    "main",
    "ours",
    "sseclient",
    "step_of",
]

# 45 bytes, the blank line included.
SMALL = codec.encode(ServerSentEvent('{"price":17}', event="price", id="0f3a-17"))
STREAM_EVENTS = 20_000

# Of each decoder, in turn.
TURNS = 5

# One event: so many lines of data, and a line of so many bytes in chunks of so many.
LINES = 40_000
LINE = 8_000_000
CHUNK = 1_000

# How many times smaller the smaller one is, which they are compared with.
TIMES = 4

# Of each measurement the quickest counts: what disturbs can only add.
TRIES = 5

PACKAGES = PEERS / "venv" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"


def ours(pieces: list[bytes]) -> int:
    """
    Decode *pieces* of a stream, and count the events.
    """
    decoder = codec.Decoder()
    return sum(len(decoder.feed(piece)) for piece in pieces)


def httpx_sse(pieces: list[bytes]) -> int:
    """
    As a response of httpx.
    """
    import httpx
    from httpx_sse import EventSource

    def body() -> Iterator[bytes]:
        yield from pieces

    headers = {"content-type": "text/event-stream"}
    response = httpx.Response(200, headers=headers, content=body())
    return sum(1 for _ in EventSource(response).iter_sse())


def sseclient(pieces: list[bytes]) -> int:
    """
    As what requests and urllib3 stream.
    """
    from sseclient import SSEClient

    return sum(1 for _ in SSEClient(iter(pieces)).events())


#: Ours first, then the peers, by the names of their figures.
DECODERS = {"ours": ours, "httpx_sse": httpx_sse, "sseclient": sseclient}


def compared(names: Sequence[str], seconds: float) -> dict[str, float]:
    """
    Events a second of each decoder, and ours as times the others'.

    A ratio is the median of those of the turns, since neighbors in time share what disturbs them.

    Args:
        names: Of `DECODERS`, "ours" among them.

        seconds: For each.
    """
    rates: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(TURNS):
        for name, turns in rates.items():
            turns.append(events_per_second(step_of(DECODERS[name]), seconds / TURNS))
    result = {f"small_{name}_per_s": statistics.median(turns) for name, turns in rates.items()}
    first = rates.pop("ours")
    for name, turns in rates.items():
        ratios = [mine / theirs for mine, theirs in zip(first, turns, strict=True)]
        result[f"times_{name}"] = statistics.median(ratios)
    return result


def installed() -> list[str]:
    """
    Those of `DECODERS` that are here.
    """
    # Last, so that the versions of this environment go first.
    if str(PACKAGES) not in sys.path:
        sys.path.append(str(PACKAGES))
    found = []
    for name, decode in DECODERS.items():
        try:
            decode([SMALL])
        except ModuleNotFoundError:
            continue
        found.append(name)
    return found


def step_of(decode: Callable[[list[bytes]], int]) -> Callable[[], int]:
    """
    Make a step that lets *decode* have a stream, and sees that it finds all events.
    """
    stream = SMALL * STREAM_EVENTS
    pieces = [stream[at : at + PIECE] for at in range(0, len(stream), PIECE)]

    def step() -> int:
        found = decode(pieces)
        if found != STREAM_EVENTS:
            raise AssertionError(f"{decode.__name__} has found {found:,} of {STREAM_EVENTS:,}")
        return found

    return step


def lines_seconds(count: int) -> float:
    """
    The CPU time of one event of *count* lines, each of which comes alone.
    """
    return _seconds([b"data: a\n"] * count)


def line_seconds(size: int) -> float:
    """
    The CPU time of one line of *size* bytes in chunks.
    """
    return _seconds([b"data: ", *[b"a" * CHUNK] * (size // CHUNK), b"\n"])


def _seconds(pieces: list[bytes]) -> float:
    decoder = codec.Decoder(None)
    began = time.process_time()
    for piece in pieces:
        decoder.feed(piece)
    found = decoder.feed(b"\n")
    taken = time.process_time() - began
    if len(found) != 1:
        raise AssertionError(f"one event has become {len(found)}")
    return taken


def grown(seconds: Callable[[int], float], size: int) -> tuple[float, float]:
    """
    What *size* takes in milliseconds, and as times what a part of that size takes.
    """
    pairs = [(seconds(size // TIMES), seconds(size)) for _ in range(TRIES)]
    small, large = (min(taken) for taken in zip(*pairs, strict=True))
    return large * 1000, large / small


def main(seconds: float) -> None:
    """
    Print all figures as JSON.
    """
    names = installed()
    # Collections are to look through what decoding makes, not through the peers' modules: a
    # program has those of one library.
    gc.freeze()
    lines, lines_times = grown(lines_seconds, LINES)
    line, line_times = grown(line_seconds, LINE)
    result = {
        **compared(names, seconds),
        "lines_ms": lines,
        "lines_times": lines_times,
        "line_ms": line,
        "line_times": line_times,
    }
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(float(sys.argv[1]))
