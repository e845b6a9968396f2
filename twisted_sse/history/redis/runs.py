"""
The runs of a history in Redis.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from twisted_sse.errors import TopicEnded
from twisted_sse.events.ending import OUTCOMES
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord, beginning
from twisted_sse.history.redis.entry import RawEntry, encode_entry, parse_entry
from twisted_sse.history.redis.runscripts import BEGIN, FIND_RUN, INTERRUPT, LIST_RUNS, RENEW
from twisted_sse.history.redis.stream import RedisStream

__all__ = ["RedisRuns"]

# The topic in a template of an entry, and where what follows the topic begins there: after
# the publisher's ID, the owner, and the topic.
_TOPIC = "a"
_REST = 4


class RedisRuns:
    """
    See `IRunHistory`, whose methods have the same names.
    """

    def __init__(self, stream: RedisStream) -> None:
        self._stream = stream
        bounds = stream.bounds
        self._bounds = (bounds.events, bounds.bytes, bounds.milliseconds)

    async def begin_run(
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> RunBegun:
        """
        See `IRunHistory.begin_run`.  It may be repeated.
        """
        entry = encode_entry(beginning(topic, private))
        times = (_milliseconds(lease), _milliseconds(keep))
        arguments = (*self._bounds, topic, owner, *times, int(private), entry)
        status, *rest = await self._run(BEGIN, *arguments)
        if status == 2:
            raise TopicEnded([topic])
        entries, run = rest
        return RunBegun(_run_of(run), _records(entries))

    async def renew_runs(self, keys: Sequence[RunKey], lease: float) -> Sequence[RunKey]:
        """
        See `IRunHistory.renew_runs`.
        """
        pairs = [text for key in keys for text in key]
        lost = {one.decode() for one in await self._run(RENEW, _milliseconds(lease), *pairs)}
        return [key for key in keys if key.topic in lost]

    async def interrupt_runs(self, lease: float, limit: int) -> Sequence[Record]:
        """
        See `IRunHistory.interrupt_runs`.
        """
        ends = (_end(False), _end(True))
        found = await self._run(INTERRUPT, *self._bounds, _milliseconds(lease), limit, *ends)
        return _records(found)

    async def find_run(self, topic: str) -> RunRecord | None:
        """
        See `IRunHistory.find_run`.
        """
        try:
            topic.encode()
        except UnicodeEncodeError:
            # A lone surrogate, which cannot be in a topic.
            return None
        found = await self._run(FIND_RUN, self._stream.bounds.milliseconds, topic)
        return _run_of(found) if found else None

    async def list_runs(self, before: int | None, limit: int) -> Sequence[RunRecord]:
        """
        See `IRunHistory.list_runs`.
        """
        highest = "" if before is None else before
        age = self._stream.bounds.milliseconds
        return [_run_of(one) for one in await self._run(LIST_RUNS, age, highest, limit)]

    async def _run(self, script: Any, *arguments: str | int) -> Any:
        return await self._stream.connection.run(script, self._stream.keys, *arguments)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _end(private: bool) -> str:
    """
    What an end has after its topic, as an entry.
    """
    texts = json.loads(encode_entry(Publication.ending(_TOPIC, "interrupted", private=private)))
    return json.dumps(texts[_REST:])


def _records(raws: Sequence[RawEntry]) -> list[Record]:
    entries = [parse_entry(raw) for raw in raws]
    return [one.record for one in entries if one is not None and one.record is not None]


def _run_of(found: Sequence[bytes]) -> RunRecord:
    topic, text = found
    run = json.loads(text)
    outcome = next((one for one in OUTCOMES if one == run.get("s")), None)
    key = RunKey(topic.decode(), run["o"])
    start = Position(int(run["n"]), run["i"])
    return RunRecord(key, run["b"] / 1000, start, "p" in run, outcome)
