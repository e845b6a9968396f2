"""
The Lua scripts that Redis runs, each as one atomic step: append, find, read back.

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

__all__ = ["APPEND", "BACK", "ENDS", "FIND", "Script"]


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


# Lua writes numbers of more than 14 digits as 1e+15, hence %.0f.  The fields of an
# entry are listed in `twisted_sse.history.redis.entry`; the first two are n and b.
_COMMON = """
local stream, ids, ends = KEYS[1], KEYS[2], KEYS[3]

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
  redis.call('DEL', ids, ends)
end

-- The newest time that is too old; in milliseconds, as in the entries' IDs.
local function latest(age)
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000) - age
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

#: Keys: stream, IDs, ends, last batch.  Arguments: the batch's number, the bounds
#: (events, bytes, milliseconds), then each publication as written by
#: `entry.encode_entry`.  Answers, in one line: the batch's number, the first
#: entry's number, each entry's ID.  If topics of the publications have ended, answers a
#: list of these instead.
#:
#: The hash of ends maps each topic that has ended to the number and the ID of its last
#: entry.
#:
#: The hash of IDs maps each publisher's ID to the number of entries that have it,
#: and the oldest of them; to an empty ID when that is forgotten, because no other
#: entry replaces it.
APPEND = Script.of(
    _COMMON,
    """
local done = redis.call('GET', KEYS[4])
local last = redis.call('HLEN', ids) and newest()
local has_ends = redis.call('HLEN', ends) > 0
if done then
  local batch = tonumber(done:match('^%d+'))
  if batch == tonumber(ARGV[1]) then return done end
  -- An old batch over a connection that was given up; nothing waits for the answer.
  if batch > tonumber(ARGV[1]) then return redis.error_reply('STALE batch') end
end
local events, bytes, bound = tonumber(ARGV[2]), tonumber(ARGV[3]), latest(tonumber(ARGV[4]))

local parsed, ended = {}, {}
for at = 5, #ARGV do
  local fields = cjson.decode(ARGV[at])
  parsed[at] = fields
  -- The first field is the publisher's ID; topics come first after that.
  for name = 2, has_ends and #fields or 0, 2 do
    if fields[name] ~= 'topic' then break end
    local value = redis.call('HGET', ends, fields[name + 1])
    if value and is_kept(value, bound) then ended[#ended + 1] = fields[name + 1] end
  end
end
if #ended > 0 then return ended end

if not last then
  begin()
  last = newest()
end
local n, b = number(last), size(last)
local answer = {ARGV[1], text(n + 1)}

-- The bytes of an entry in addition to its texts: its ID, its numbers, their names.
local overhead = 100

for at = 5, #ARGV do
  local fields = parsed[at]
  local own = table.remove(fields, 1)
  local is_end = fields[#fields - 1] == 'end'
  has_ends = has_ends or is_end
  if own ~= '' then
    fields[#fields + 1] = 'id'
    fields[#fields + 1] = own
  end
  n, b = n + 1, b + overhead
  for _, field in ipairs(fields) do b = b + #field end
  local entry = redis.call('XADD', stream, '*', 'n', text(n), 'b', text(b), unpack(fields))
  if own ~= '' then
    local count, owner = (redis.call('HGET', ids, own) or ''):match('^(%d+) (.*)$')
    if not count then count, owner = 0, entry end
    redis.call('HSET', ids, own, text(count + 1) .. ' ' .. owner)
  end
  for name = 1, is_end and #fields or 0, 2 do
    if fields[name] ~= 'topic' then break end
    redis.call('HSET', ends, fields[name + 1], text(n) .. ' ' .. entry)
  end
  answer[#answer + 1] = entry
end

local function forget(entry)
  for name = 5, has_ends and #entry[2] or 0, 2 do
    if entry[2][name] ~= 'topic' then break end
    local value = redis.call('HGET', ends, entry[2][name + 1])
    if value == entry[2][2] .. ' ' .. entry[1] then
      redis.call('HDEL', ends, entry[2][name + 1])
    end
  end
  local own = entry[2][#entry[2] - 1] == 'id' and entry[2][#entry[2]]
  local known = own and redis.call('HGET', ids, own)
  if not known then return end
  local count, owner = known:match('^(%d+) (.*)$')
  if not count or tonumber(count) <= 1 then
    redis.call('HDEL', ids, own)
  else
    redis.call('HSET', ids, own, text(count - 1) .. ' ' .. (owner == entry[1] and '' or owner))
  end
end

-- Whether *entry*, which follows *before*, exceeds the bounds.
local function superfluous(before, entry)
  return n - number(entry) >= events or b - size(before) > bytes
    or tonumber(entry[1]:match('^%d+')) <= bound
end

-- A little more than was added, so that a large surplus shrinks in steps.
local left = math.max(64, 2 * (#ARGV - 4))
local step = #ARGV
repeat
  local gone, before = 0, nil
  for at, entry in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', step + 1)) do
    if ours(entry) then
      if before and not superfluous(before, entry) then break end
      if before then forget(before) end
      gone, before = at - 1, entry
    end
  end
  if gone > 0 then redis.call('XTRIM', stream, 'MAXLEN', redis.call('XLEN', stream) - gone) end
  left = left - gone
until gone < step or left <= 0

answer = table.concat(answer, ' ')
redis.call('SET', KEYS[4], answer, 'EX', 600)
return answer
""",
)

#: Keys: stream, IDs, ends.  Arguments: a publisher's ID, the same ID as an entry's
#: (either may be empty; if both are, the oldest is meant), the longest age in
#: milliseconds or an empty string, the most entries.  Answers the number of the
#: newest entry; the entry asked for, and those that follow; the IDs of some entries
#: that were passed over.  Answers an empty list, if the entry or one that followed it
#: is not kept.
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
  local function at(id) return id and read('XRANGE', id, id, 1)[1] end
  local one, other = at(named), at(ARGV[2] ~= '' and ARGV[2])
  -- If several publications have the same ID, the oldest of them counts.
  if one and other and number(other) < number(one) then one = other end
  one = one or other
  if not one or number(one) < number(low) then return {} end
  start = one[1]
end

local last = newest()
local count = fair(tonumber(ARGV[4]), low, last)
return {text(number(last)), read('XRANGE', start, '+', count + 1), strangers}
""",
)

#: Keys: stream, IDs, ends.  Arguments: an entry's ID, or ``+``; the longest age in
#: milliseconds; the most entries.  Answers the number after which everything is
#: young enough; then that entry and those before it, the newest first; the IDs of some
#: entries that were passed over.  Begins the order in an empty stream.
BACK = Script.of(
    _COMMON,
    """
if not newest() then begin() end
local low = floor(ARGV[2])
local count = fair(tonumber(ARGV[3]), oldest(), newest())
return {text(number(low)), read('XREVRANGE', ARGV[1], '-', count + 1), strangers}
""",
)

#: Keys: stream, IDs, ends.  Arguments: the longest age in milliseconds, then topics.
#: Answers the entries with which they have ended.
ENDS = Script.of(
    _COMMON,
    """
local bound, found, known = latest(tonumber(ARGV[1])), {}, {}
for at = 2, #ARGV do
  local value = redis.call('HGET', ends, ARGV[at])
  if value and not known[value] and is_kept(value, bound) then
    known[value] = true
    local id = value:match(' (.*)$')
    found[#found + 1] = redis.call('XRANGE', stream, id, id)[1]
  end
end
return found
""",
)
