"""
Who is at which hub, in Redis: kept beside the events, in keys that expire.

Each hub has a hash of what it has announced.  A sorted set says until when each hub
is taken for alive.  A stream of its own holds the newest changes in one order; its
entries are numbered without gaps, so a hub that asks for changes that are gone
notices, and reads the hashes instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from twisted_sse.events.presence import NodeChange, Occupancy, PresenceNews
from twisted_sse.history.presencepairs import (
    changes_of,
    decode_pairs,
    encode_pairs,
    occupancy_pairs,
)
from twisted_sse.history.redis.connection import RedisConnection
from twisted_sse.history.redis.script import Script

__all__ = ["RedisPresence"]

# Entries of the log in one answer, and fields of a hash in one: parsing so many takes
# some milliseconds.
_PAGE = 100
_FIELDS = 500

#: Keys: counter, log, nodes.  Arguments: the prefix of the hashes, the node, its life in
#: milliseconds, the cursor or an empty string, the most entries, the changes: a JSON array
#: of pairs of a field and its value, which is empty to remove it.  Answers: 1 if the node
#: was known, the number of the newest change, and what follows the cursor, or nothing if
#: that is not at hand.
#:
#: Numbers begin at the time in milliseconds, so that a cursor of data that was lost is
#: always smaller than those of the data that came after.
EXCHANGE = Script.of(
    """
local counter, log, nodes = KEYS[1], KEYS[2], KEYS[3]
local prefix, node, life, after = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local function text(number) return string.format('%.0f', number) end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function number(entry) return tonumber(entry[1]:match('^%d+')) end
local newest = tonumber(redis.call('GET', counter) or '')
if not newest then
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  newest = math.max(now, last and number(last) or 0)
end
local due = tonumber(redis.call('ZSCORE', nodes, node) or 0)
local known = due > 0
local expired = redis.call('ZRANGEBYSCORE', nodes, '-inf', text(now))

local function note(...)
  newest = newest + 1
  redis.call('XADD', log, 'MAXLEN', 1000, text(newest) .. '-0', ...)
end

for _, other in ipairs(expired) do
  if known and due <= now then
    -- Nobody has called for so long that this one has expired too: Redis was away.
    redis.call('ZADD', nodes, text(now + life), other)
  elseif other ~= node then
    redis.call('ZREM', nodes, other)
    redis.call('DEL', prefix .. other)
    note('n', other)
  end
end
redis.call('ZADD', nodes, text(now + life), node)

local hash = prefix .. node
local changes = cjson.decode(ARGV[6])
for _, change in ipairs(changes) do
  if change[2] == '' then
    redis.call('HDEL', hash, change[1])
  else
    redis.call('HSET', hash, change[1], change[2])
  end
end
if #changes > 0 then note('n', node, 'c', ARGV[6]) end

redis.call('SET', counter, text(newest))
-- Longer than any node is taken for alive; nothing of this stays when all hubs are gone.
local longest = math.max(life * 2, 3600000)
for _, key in ipairs({counter, log, nodes, hash}) do redis.call('PEXPIRE', key, text(longest)) end

local answer = {known and 1 or 0, text(newest)}
local from = tonumber(after)
if not from or from > newest then return answer end
local entries = {}
if from < newest then
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  if not oldest or number(oldest) > from + 1 then return answer end
  entries = redis.call('XRANGE', log, text(from + 1) .. '-0', '+', 'COUNT', ARGV[5])
end
answer[3] = entries
return answer
"""
)


class RedisPresence:
    """
    Args:
        prefix: That of the history; in braces, so that one node of a cluster holds all
            keys.
    """

    def __init__(self, connection: RedisConnection, prefix: str) -> None:
        self._connection = connection
        name = f"{{{prefix}}}:presence"
        self._keys = (f"{name}:counter", f"{name}:log", f"{name}:nodes")
        self._members = f"{name}:members:"

    async def exchange(
        self, node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> PresenceNews:
        """
        See `IPresenceStore.exchange`.
        """
        life = max(1, round(ttl * 1000))
        arguments = (
            self._members,
            node,
            life,
            after or "",
            _PAGE,
            encode_pairs(occupancy_pairs(changes)),
        )
        answer = await self._connection.run(EXCHANGE, self._keys, *arguments)
        known, newest = bool(answer[0]), answer[1].decode()
        if len(answer) < 3:
            return PresenceNews(known, newest, await self._everything(node), whole=True)
        entries = answer[2]
        more = len(entries) >= _PAGE
        cursor = entries[-1][0].decode().partition("-")[0] if more else newest
        learned = [one for entry in entries for one in _entry_changes(entry[1], node)]
        return PresenceNews(known, cursor, learned, more=more)

    async def _everything(self, node: str) -> list[NodeChange]:
        nodes = await self._connection.call("ZRANGE", self._keys[2], 0, -1)
        found: list[NodeChange] = []
        for other in (one.decode("utf-8", "replace") for one in nodes):
            if other == node:
                continue
            cursor = "0"
            while True:
                key = self._members + other
                answer = await self._connection.call("HSCAN", key, cursor, "COUNT", _FIELDS)
                fields = [one.decode("utf-8", "replace") for one in answer[1]]
                found += changes_of(other, zip(fields[::2], fields[1::2], strict=True))
                cursor = answer[0].decode()
                if cursor == "0":
                    break
        return found


def _entry_changes(fields: Sequence[bytes], node: str) -> Iterator[NodeChange]:
    """
    The changes in one entry of the log, without those of *node* itself.

    What another program has written there is passed over.
    """
    values = dict(zip(fields[::2], fields[1::2], strict=False))
    try:
        other = values[b"n"].decode()
        pairs = decode_pairs(values[b"c"]) if b"c" in values else None
    except (KeyError, ValueError):
        return
    if other == node:
        return
    if pairs is None:
        yield NodeChange(other, None)
    else:
        yield from changes_of(other, pairs)
