"""
History in a file of JSON lines: ``twistd sse --history lines:PATH,events=10000``.

A batch is one line, so all or none of it is kept.
"""

import json
from dataclasses import asdict
from math import inf
from pathlib import Path
from secrets import token_hex

from zope.interface import implementer

from twisted_sse import IHistoryProvider, ServerSentEvent, units
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.history import Position, Publication, Record, Tail
from twisted_sse.interfaces import IHistoryFactory


@implementer(IHistoryProvider)
class LinesHistory:
    def __init__(self, path, events=10_000):
        self._path, self._events, self._epoch = path, events, token_hex(8)
        # The first record only marks the position before the oldest event.
        records = list(_read(path)) or [Record(0, f"{self._epoch}-0", None)]
        self._records = records[-events - 1 :]
        # A crash may have left half a line, so the next write replaces the file.
        self._in_file = inf

    def append(self, publications):
        numbered = enumerate(publications, self._records[-1].number + 1)
        records = [Record(n, one.event.id or f"{self._epoch}-{n}", one) for n, one in numbered]
        newest = [*self._records, *records][-self._events - 1 :]
        try:
            self._write(records, newest)
        except OSError as error:
            self._in_file = inf
            raise HistoryUnavailable(f"{self._path} cannot be written: {error}") from error
        self._records = newest
        return records

    def since(self, last_event_id, topics, limit):
        ids = [one.id for one in self._records]
        # The oldest event with an ID counts, and the first record here is forgotten.
        is_forgotten = ids[0] == last_event_id in ids[1:]
        if is_forgotten or last_event_id not in (None, *ids):
            raise UnknownEventID(last_event_id)
        seen = 0 if last_event_id is None else ids.index(last_event_id)
        following = self._records[seen + 1 :]
        return [one for one in following if topics.matches(one.publication.topics)][:limit]

    def tail(self, limit):
        before, *newest = self._records[-limit - 1 :]
        return Tail(Position(before.number, before.id), newest)

    def _write(self, records, newest):
        if self._in_file <= 2 * self._events:
            with self._path.open("a", encoding="ascii") as file:
                file.write(_line(records))
            self._in_file += len(records)
        else:
            beside = self._path.with_name(f"{self._path.name}.new")
            beside.write_text(_line(newest), encoding="ascii")
            beside.replace(self._path)
            self._in_file = len(newest)


def _line(records):
    entries = [(n, id, publication and asdict(publication)) for n, id, publication in records]
    return json.dumps(entries) + "\n"


def _read(path):
    # Text after the last line break is half a line, which was never acknowledged.
    for line in path.read_text(encoding="ascii").split("\n")[:-1] if path.exists() else []:
        for number, id, publication in json.loads(line):
            yield Record(number, id, publication and _publication(**publication))


def _publication(topics, event, **others):
    return Publication(tuple(topics), ServerSentEvent(**event), **others)


@implementer(IHistoryFactory)
class LinesFactory:
    scheme = "lines"
    usage = "lines:PATH,events=10000"

    def build(self, arguments):
        name, _, rest = arguments.partition(",")
        given = units.arguments(rest, {"events": units.count})
        # A daemon changes its directory before the provider is started.
        path = Path(name).absolute()
        if not path.parent.is_dir() or path.is_dir():
            raise ValueError(f"{name!r} cannot be a file")
        try:
            return LinesHistory(path, **given)
        except (OSError, TypeError, ValueError) as error:
            raise ValueError(f"{name!r} is not a readable history: {error}") from None
