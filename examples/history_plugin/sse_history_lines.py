"""
History in a file of JSON lines: ``twistd sse --history lines:PATH,events=10000``.

A batch is one line, so that all of it is kept, or nothing.
"""

import json
from dataclasses import asdict
from math import inf
from pathlib import Path
from secrets import token_hex

from zope.interface import implementer

from twisted_sse import IHistoryProvider, ServerSentEvent, units
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.interfaces import IHistoryFactory


@implementer(IHistoryProvider)
class LinesHistory:
    def __init__(self, path, events=10_000):
        self._path, self._events, self._epoch = path, events, token_hex(8)
        # The oldest one is only a position: what came before it is not known.
        kept = list(_read(path)) or [Record(0, f"{self._epoch}-0", None)]
        self._kept = kept[-events - 1 :]
        # More than may be: a crash may have left half a line, so the file is written anew.
        self._in_file = inf

    def append(self, publications):
        numbered = enumerate(publications, self._kept[-1].number + 1)
        kept = [Record(n, one.event.id or f"{self._epoch}-{n}", one) for n, one in numbered]
        newest = [*self._kept, *kept][-self._events - 1 :]
        try:
            self._write(kept, newest)
        except OSError as error:
            self._in_file = inf
            raise HistoryUnavailable(f"{self._path} cannot be written: {error}") from error
        self._kept = newest
        return kept

    def since(self, last_event_id, topics, limit):
        ids = [one.id for one in self._kept]
        # Of several with one ID the oldest counts, and the first here is forgotten.
        is_forgotten = ids[0] == last_event_id in ids[1:]
        if is_forgotten or last_event_id not in (None, *ids):
            raise UnknownEventID(last_event_id)
        seen = 0 if last_event_id is None else ids.index(last_event_id)
        following = self._kept[seen + 1 :]
        return [one for one in following if topics.matches(one.publication.topics)][:limit]

    def tail(self, limit):
        before, *kept = self._kept[-limit - 1 :]
        return Tail(Position(before.number, before.id), kept)

    def _write(self, kept, newest):
        if self._in_file <= 2 * self._events:
            with self._path.open("a", encoding="ascii") as file:
                file.write(_line(kept))
            self._in_file += len(kept)
        else:
            beside = self._path.with_name(f"{self._path.name}.new")
            beside.write_text(_line(newest), encoding="ascii")
            beside.replace(self._path)
            self._in_file = len(newest)


def _line(kept):
    entries = [(n, id, publication and asdict(publication)) for n, id, publication in kept]
    return json.dumps(entries) + "\n"


def _read(path):
    # What follows the last line break is half a line, which nobody was told is kept.
    for line in path.read_text(encoding="ascii").split("\n")[:-1] if path.exists() else []:
        for number, id, publication in json.loads(line):
            yield Record(number, id, publication and _publication(**publication))


def _publication(topics, event, private):
    return Publication(tuple(topics), ServerSentEvent(**event), private)


@implementer(IHistoryFactory)
class LinesFactory:
    scheme = "lines"
    usage = "lines:PATH,events=10000"

    def build(self, arguments):
        name, _, rest = arguments.partition(",")
        given = units.arguments(rest, {"events": units.count})
        # At once, because a daemon changes its directory.
        path = Path(name).absolute()
        if not path.parent.is_dir() or path.is_dir():
            raise ValueError(f"{name!r} cannot be a file")
        try:
            return LinesHistory(path, **given)
        except (OSError, TypeError, ValueError) as error:
            raise ValueError(f"{name!r} is no history that can be read: {error}") from None
