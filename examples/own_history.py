"""
A history provider of your own: the newest 1,000 events, in a file that outlives the process.

Run:  python examples/own_history.py [PORT] [FILE]
Then: curl -N 'http://localhost:8080/?topic=starts&lastEventID=earliest'
And:  stop it, run it again, and see what curl shows then
"""

import pickle
import sys
from pathlib import Path
from secrets import token_hex

from twisted.internet import endpoints, reactor
from twisted.web.server import Site
from zope.interface import implementer

from twisted_sse import Hub, IHistoryProvider
from twisted_sse.errors import UnknownEventID
from twisted_sse.history import Position, Record, Tail


@implementer(IHistoryProvider)
class FileHistory:
    def __init__(self, path, bound=1000):
        self._path, self._bound = path, bound
        # The first record only marks the position before the oldest event.
        first = Record(0, token_hex(8), None)
        self._records = pickle.loads(path.read_bytes()) if path.exists() else [first]

    def append(self, publications):
        numbered = enumerate(publications, self._records[-1].number + 1)
        records = [Record(number, one.event.id or token_hex(8), one) for number, one in numbered]
        newest = [*self._records, *records][-self._bound - 1 :]
        self._path.write_bytes(pickle.dumps(newest))
        self._records = newest
        return records

    def since(self, last_event_id, topics, limit):
        ids = [one.id for one in self._records]
        if last_event_id not in (None, *ids):
            raise UnknownEventID(last_event_id)
        seen = 0 if last_event_id is None else ids.index(last_event_id)
        following = self._records[seen + 1 :]
        return [one for one in following if topics.matches(one.publication.topics)][:limit]

    def tail(self, limit):
        before, *newest = self._records[-limit - 1 :]
        return Tail(Position(*before[:2]), newest)


port, file = [*sys.argv[1:], *["8080", "events.pickle"][len(sys.argv) - 1 :]]
hub = Hub(FileHistory(Path(file)))
hub.publish("starts", "The hub has started.")
endpoints.serverFromString(reactor, f"tcp:{port}").listen(Site(hub.resource()))
reactor.run()
