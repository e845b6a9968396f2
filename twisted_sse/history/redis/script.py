"""
A Lua script that Redis runs as one atomic step, and the part that all scripts of the history
begin with.

Entries that another program has put into the stream are passed over.

The stream holds the kept publications, and one more entry right before them:
the position that the oldest of them follows.  At first that is an entry with the
number 0.  So the stream is never empty, a subscriber can resume from every entry
in it, and it never contains an ID of an earlier life of the store.

A script reads all its keys before it writes any, so if it fails, it has changed
nothing.
"""

from __future__ import annotations

from hashlib import sha1
from typing import NamedTuple

__all__ = ["COMMON", "Script"]


class Script(NamedTuple):
    """
    A Lua script, and the hash by which Redis caches it.
    """

    text: str
    sha: str

    @classmethod
    def of(cls, *parts: str) -> Script:
        """
        Join *parts* to a script.
        """
        text = "".join(parts)
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


#: Begins every script.
#:
#: Lua writes numbers of more than 14 digits as 1e+15, hence %.0f.  The fields of an
#: entry are listed in `twisted_sse.history.redis.entry`; the first two are n and b.
COMMON = """
local stream, ids, ends, runs = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local leases, finished, order = KEYS[5], KEYS[6], KEYS[7]

local function text(number) return string.format('%.0f', number) end

-- Whether twisted_sse may have written *entry*: it has a place in the order.
local function ours(entry)
  local f = entry[2]
  return f[1] == 'n' and f[3] == 'b' and #f[2] < 16 and #f[4] < 16
    and f[2]:match('^%d+$') and f[4]:match('^%d+$')
end

-- The first *count* entries of ours; *command* is XRANGE or XREVRANGE.  The IDs of
-- others become part of the answer.
local strangers = {}
local function read(command, from, to, count)
  local found, asked, last, looked = {}, count, nil, 0
  while true do
    local page = redis.call(command, stream, from, to, 'COUNT', asked)
    for _, entry in ipairs(page) do
      if entry[1] ~= last and #found < count then
        if ours(entry) then
          found[#found + 1] = entry
        elseif #strangers < 20 then
          strangers[#strangers + 1] = entry[1]
        end
      end
    end
    looked = looked + #page
    if #found >= count or #page < asked or looked > 20000 then return found end
    last = page[#page][1]
    from, asked = last, count - #found + 64
  end
end

local function first(command, from, to)
  local one = read(command, from, to, 1)[1]
  if not one and redis.call('XLEN', stream) > 0 then
    error('NOTOURS the stream was not made by twisted_sse')
  end
  return one
end

local function oldest() return first('XRANGE', '-', '+') end
local function newest() return first('XREVRANGE', '+', '-') end

local function number(entry) return tonumber(entry[2][2]) end
local function size(entry) return tonumber(entry[2][4]) end

local function begin()
  redis.call('XADD', stream, '*', 'n', '0', 'b', '0')
  redis.call('DEL', ids, ends, runs, leases, finished, order)
end

local function time()
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end

-- The newest time that is too old; in milliseconds, as in the entries' IDs.
local function latest(age) return time() - age end

-- The run of *topic*, unless it is forgotten.
local function run_of(topic, now)
  local known = redis.call('HGET', runs, topic)
  local run = known and cjson.decode(known)
  local due = run and run.s and redis.call('ZSCORE', finished, topic)
  if due and tonumber(due) <= now then return nil end
  return run
end

local function forget_run(topic)
  redis.call('HDEL', runs, topic)
  for _, key in ipairs({leases, finished, order}) do redis.call('ZREM', key, topic) end
end

-- Whether the end that *value* of the hash of ends stands for is kept, and young enough.
local function is_kept(value, bound)
  local at, ms = value:match('^(%d+) (%d+)%-')
  local base = at and oldest()
  return base and tonumber(at) > number(base) and tonumber(ms) > bound
end

-- The entry after which everything is kept, and young enough.
local function floor(age)
  local bound = age == '' and -1 or latest(tonumber(age))
  local old = bound >= 0 and read('XREVRANGE', text(bound), '-', 1)[1]
  return old or oldest()
end

-- At most *count*, and so many that an answer takes about a mebibyte.
local function fair(count, from, to)
  local each = (size(to) - size(from)) / math.max(1, number(to) - number(from))
  return math.max(1, math.min(count, math.floor(1048576 / math.max(1, each))))
end
"""
