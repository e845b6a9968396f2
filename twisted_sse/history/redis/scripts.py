"""
What Redis does by itself, at once and undisturbed: appending, finding, reading back.

The stream holds what is kept, and right before it one entry more: the place
where the oldest that is kept follows.  At first that is an entry with the number
0.  So the stream is never empty, every place in it can be gone on from, and an
ID of another life of the store is not in it.

A script reads all its keys before it writes any: what can go wrong goes wrong
while nothing is done.
"""

from __future__ import annotations

from hashlib import sha1
from typing import NamedTuple

__all__ = ["APPEND", "BACK", "FIND", "Script"]


class Script(NamedTuple):
    """
    A Lua script, and the name under which Redis remembers it.
    """

    text: str
    sha: str

    @classmethod
    def of(cls, *parts: str) -> Script:
        """
        Make one of *parts*.
        """
        text = "".join(parts)
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


# Lua writes 1e+15 for what needs more than 14 digits, hence %.0f.  Fields: see
# `twisted_sse.history.redis.entry`; the first two are n and b.
_COMMON = """
local stream, ids = KEYS[1], KEYS[2]

local function text(number) return string.format('%.0f', number) end

local function first(entries)
  local one = entries[1]
  if one and one[2][1] ~= 'n' then error('NOTOURS the stream was not made by twisted_sse') end
  return one
end

local function oldest() return first(redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)) end
local function newest() return first(redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)) end

local function number(entry) return tonumber(entry[2][2]) end
local function size(entry) return tonumber(entry[2][4]) end

local function begin()
  redis.call('XADD', stream, '*', 'n', '0', 'b', '0')
  redis.call('DEL', ids)
end

-- What is as old as this is too old; in milliseconds, as in the entries' IDs.
local function latest(age)
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000) - age
end

-- The place after which everything is kept, and young enough.
local function floor(age)
  local bound = age == '' and -1 or latest(tonumber(age))
  local old = bound >= 0 and redis.call('XREVRANGE', stream, text(bound), '-', 'COUNT', 1)[1]
  return old or oldest()
end

-- As many of *count* as are about a mebibyte: an answer stays small.
local function fair(count, from, to)
  local each = (size(to) - size(from)) / math.max(1, number(to) - number(from))
  return math.max(1, math.min(count, math.floor(1048576 / math.max(1, each))))
end
"""

#: Keys: stream, IDs, last batch.  Arguments: the batch's number, the bounds
#: (events, bytes, milliseconds), then what `entry.encode_entry` has made of each
#: publication.  Answers, in one line: the batch's number, the first entry's
#: number, each entry's ID.
#:
#: The hash of IDs has, for each that a publisher gave, how many entries have it
#: and which of them is the oldest; nothing, when that is kept no longer, because
#: no other can stand for it.
APPEND = Script.of(
    _COMMON,
    """
local done = redis.call('GET', KEYS[3])
local last = redis.call('HLEN', ids) and newest()
if done then
  local batch = tonumber(done:match('^%d+'))
  if batch == tonumber(ARGV[1]) then return done end
  -- Sent long ago over a connection that was given up; nobody waits for it.
  if batch > tonumber(ARGV[1]) then return redis.error_reply('STALE batch') end
end
if not last then
  begin()
  last = newest()
end
local n, b = number(last), size(last)
local events, bytes, bound = tonumber(ARGV[2]), tonumber(ARGV[3]), latest(tonumber(ARGV[4]))
local answer = {ARGV[1], text(n + 1)}

-- What an entry takes beside its texts: its ID, its numbers, their names.
local overhead = 100

for place = 5, #ARGV do
  local fields = cjson.decode(ARGV[place])
  local own = table.remove(fields, 1)
  if own ~= '' then
    fields[#fields + 1] = 'id'
    fields[#fields + 1] = own
  end
  n, b = n + 1, b + overhead
  for _, field in ipairs(fields) do b = b + #field end
  local entry = redis.call('XADD', stream, '*', 'n', text(n), 'b', text(b), unpack(fields))
  if own ~= '' then
    local count, owner = (redis.call('HGET', ids, own) or '0 ' .. entry):match('^(%d+) (.*)$')
    redis.call('HSET', ids, own, text(count + 1) .. ' ' .. owner)
  end
  answer[#answer + 1] = entry
end

local function forget(entry)
  local own = entry[2][#entry[2] - 1] == 'id' and entry[2][#entry[2]]
  local known = own and redis.call('HGET', ids, own)
  if not known then return end
  local count, owner = known:match('^(%d+) (.*)$')
  if tonumber(count) == 1 then
    redis.call('HDEL', ids, own)
  else
    redis.call('HSET', ids, own, text(count - 1) .. ' ' .. (owner == entry[1] and '' or owner))
  end
end

-- Whether *entry*, which follows *before*, is to be kept no longer.
local function superfluous(before, entry)
  return n - number(entry) >= events or b - size(before) > bytes
    or tonumber(entry[1]:match('^%d+')) <= bound
end

-- A little more than was added, so that a large surplus goes by and by.
local left = math.max(64, 2 * (#ARGV - 4))
local step = #ARGV
repeat
  local entries = redis.call('XRANGE', stream, '-', '+', 'COUNT', step + 1)
  local gone = 0
  while gone < #entries - 1 and superfluous(entries[gone + 1], entries[gone + 2]) do
    gone = gone + 1
    forget(entries[gone])
  end
  if gone > 0 then redis.call('XTRIM', stream, 'MAXLEN', redis.call('XLEN', stream) - gone) end
  left = left - gone
until gone < step or left <= 0

answer = table.concat(answer, ' ')
redis.call('SET', KEYS[3], answer, 'EX', 600)
return answer
""",
)

#: Keys: stream, IDs.  Arguments: an ID as a publisher's, the same as an entry's
#: (each may be empty; both are: from the oldest), the longest age in
#: milliseconds or nothing, the most entries.  Answers the number of the newest
#: entry, the entry asked for, and those that follow; nothing, if it is not
#: there or something that followed it is not.
FIND = Script.of(
    _COMMON,
    """
local low = floor(ARGV[3])
if not low then return {} end
local start = low[1]

if ARGV[1] ~= '' or ARGV[2] ~= '' then
  local known = ARGV[1] ~= '' and redis.call('HGET', ids, ARGV[1])
  local named = known and known:match('^%d+ (.*)$')
  if named == '' then return {} end
  local function at(place) return place and redis.call('XRANGE', stream, place, place)[1] end
  local one, other = at(named), at(ARGV[2] ~= '' and ARGV[2])
  -- If several publications have the same ID, the oldest of them counts.
  if one and other and number(other) < number(one) then one = other end
  one = one or other
  if not one or number(one) < number(low) then return {} end
  start = one[1]
end

local last = newest()
local count = fair(tonumber(ARGV[4]), low, last)
return {text(number(last)), redis.call('XRANGE', stream, start, '+', 'COUNT', count + 1)}
""",
)

#: Keys: stream, IDs.  Arguments: an entry's ID, or ``+``; the longest age in
#: milliseconds; the most entries.  Answers the number after which everything is
#: young enough, and that entry and those before it, the newest first.  Begins
#: the order if it has not begun.
BACK = Script.of(
    _COMMON,
    """
if not newest() then begin() end
local low = floor(ARGV[2])
local count = fair(tonumber(ARGV[3]), oldest(), newest())
return {text(number(low)), redis.call('XREVRANGE', stream, ARGV[1], '-', 'COUNT', count + 1)}
""",
)
