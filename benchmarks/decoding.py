"""
Decoding small events, compared with other decoders, and large ones, compared with their size.

    python -m benchmarks.decoding SECONDS

SECONDS is the CPU time for each decoder.

All decoders take turns in one process.  Each reads the same pieces, makes its own events of them,
and must find every event.  A peer that is not installed is left out.
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

# for each decoder
TURNS = 5

# One event: its number of lines, and the size of a line and of its chunks in bytes.
LINES = 40_000
LINE = 8_000_000
CHUNK = 1_000

# The smaller size is this many times smaller.
TIMES = 4

# The fastest of these repetitions counts: disturbances only add time.
TRIES = 5

PACKAGES = PEERS / "venv" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"


def ours(pieces: list[bytes]) -> int:
    """
    Decode the *pieces* of a stream, and count the events.
    """
    decoder = codec.Decoder()
    return sum(len(decoder.feed(piece)) for piece in pieces)


def httpx_sse(pieces: list[bytes]) -> int:
    """
    Read the pieces as a response of httpx.
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
    Read the pieces as a stream of requests and urllib3.
    """
    from sseclient import SSEClient

    return sum(1 for _ in SSEClient(iter(pieces)).events())


#: Ours first, then the peers, by the names of their figures.
DECODERS = {"ours": ours, "httpx_sse": httpx_sse, "sseclient": sseclient}


def compared(names: Sequence[str], seconds: float) -> dict[str, float]:
    """
    Events per second of each decoder, and how many times faster ours is.

    A ratio is the median over the turns: runs next to each other share disturbances.

    Args:
        names: Some of `DECODERS`, including "ours".

        seconds: CPU time for each decoder.
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
    The names of those `DECODERS` that are installed.
    """
    # Last, so that this environment's versions take precedence.
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
    Return a step that runs *decode* on a stream, and checks that it finds all events.
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
    The CPU time of one event of *count* lines, each of which arrives alone.
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
    The time of *size* in milliseconds, and how many times that of a part of it.
    """
    pairs = [(seconds(size // TIMES), seconds(size)) for _ in range(TRIES)]
    small, large = (min(taken) for taken in zip(*pairs, strict=True))
    return large * 1000, large / small


def main(seconds: float) -> None:
    """
    Print all figures as JSON.
    """
    names = installed()
    # Collections must look only at what decoding makes, not at the modules of all peers: a real
    # program has one library.
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
