"""
What URI Templates cost: matching many at once, and replaying by one.

    python -m benchmarks.templates TEMPLATES PATH EVENTS

TEMPLATES templates of one shape, of a hundred subscribers, are matched with topics that were not
published before, of 100 and of 4,000 characters.  They are shaped to cost much: each begins with an
expression that matches everything, so that every topic is read to its end.

The store at PATH holds EVENTS publications on 1,000 topics, and then as many on half as many topics
as events.  One subscriber after the other replays all of it by a template that matches all topics,
a hundredth of them, or none, in pages of 256.

All times are CPU time of the process, including the reading thread.
"""

import json
import statistics
import string
import sys
import time
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.topics import Selection, SelectionIndex

__all__ = ["main", "matching", "replaying"]

SUBSCRIBERS = 100
LENGTHS = (100, 4_000)
TOPICS = 40
BATCH = 5_000
PAGE = 256
AGE = 30 * 86400.0  # seconds

EVENT = ServerSentEvent(data="x" * 192)

#: By name: a template for a number and some random letters.
SHAPES: dict[str, Callable[[int, str], str]] = {
    "endings": lambda number, letters: f"{{+a}}z{number}x",
    "letters": lambda number, letters: f"{{+a}}{letters[0]}{{+b}}{letters[1]}{{+c}}{letters[2:4]}",
    "common": lambda number, letters: f"{{+a}}{letters[0]}{{+b}}{letters[1:3]}{{+c}}/e",
    "matching": lambda number, letters: f"{{+a}}{{?q{number},r}}",
}

#: By name: a template, and which part of all topics it matches.
REPLAYS = {"all": "rooms/{room}", "hundredth": "rooms/{+room}00", "none": "{+any}/x"}


def matching(templates: int) -> dict[str, float]:
    """
    The median CPU time of a publication, in milliseconds, by shape and length of the topic.
    """
    values = {}
    for name, shape in SHAPES.items():
        random = Random(1)
        index = SelectionIndex()
        texts = [shape(number, _letters(random, 4)) for number in range(templates)]
        for start in range(SUBSCRIBERS):
            index.add(Selection.of(texts[start::SUBSCRIBERS]))
        for length in LENGTHS:
            times = []
            for _ in range(TOPICS):
                topic = f"{_letters(random, length - 2)}/e"
                began = time.process_time()
                index.matching([topic])
                times.append(time.process_time() - began)
            values[f"{name}_{length}_ms"] = statistics.median(times) * 1e3
    return values


async def replaying(path: str, events: int) -> dict[str, float]:
    """
    The CPU time of a whole replay for each stored publication, in microseconds.
    """
    values = {}
    bounds = {"events": events, "bytes": 16 * 1024**3, "age": AGE}
    # Syncing would only slow down the filling.
    history = SQLiteHistory(path, sync="normal", **bounds)  # type: ignore[arg-type]
    history.startService()
    for name, topics in (("few", 1_000), ("many", events // 2)):
        # The older ones are forgotten, because they exceed the bound.
        for start in range(0, events, BATCH):
            numbers = range(start, min(start + BATCH, events))
            await history.append([_publication(number % topics) for number in numbers])
        for replay, template in REPLAYS.items():
            began = time.process_time()
            await _replay(history, Selection.of([template]))
            values[f"{name}_{replay}_us"] = (time.process_time() - began) / events * 1e6
    await history.stopService()
    return values


async def _replay(history: SQLiteHistory, selection: Selection) -> None:
    last_event_id = None
    while True:
        page = await history.since(last_event_id, selection, PAGE)
        if len(page) < PAGE:
            return
        last_event_id = page[-1].id


def _publication(number: int) -> Publication:
    return Publication((f"rooms/{number}",), EVENT)


def _letters(random: Random, count: int) -> str:
    return "".join(random.choices(string.ascii_lowercase, k=count))


def main(reactor: Any, templates: str, path: str, events: str) -> Deferred[None]:
    """
    Print all figures as JSON.
    """

    def show(replays: dict[str, float]) -> None:
        sys.stdout.write(json.dumps(matching(int(templates)) | replays))

    return Deferred.fromCoroutine(replaying(path, int(events))).addCallback(show)


if __name__ == "__main__":
    react(main, sys.argv[1:])
