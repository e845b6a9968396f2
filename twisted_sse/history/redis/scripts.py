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

__all__ = ["ADDING", "APPEND", "BACK", "COMMON", "ENDS", "FIND", "Script"]


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

#: Appends entries and forgets the oldest.  Needs the bounds in *bounds*: events, bytes,
#: milliseconds.  `n` and `b` are the number and the bytes of the newest entry.
ADDING = """
local has_ends = redis.call('HLEN', ends) > 0
local now = time()
local events, bytes, bound = tonumber(bounds[1]), tonumber(bounds[2]), now - bounds[3]
local last = redis.call('HLEN', ids) and redis.call('HLEN', runs) and newest()
local n, b

-- Those of *topics* that have ended.
local function ended_of(topics)
  local ended = {}
  for _, topic in ipairs(has_ends and topics or {}) do
    local value = redis.call('HGET', ends, topic)
    local run = value and run_of(topic, now)
    -- The end of a run that is forgotten is forgotten, too.
    local forgotten = value and not run and redis.call('HEXISTS', runs, topic) == 1
    if value and not forgotten and is_kept(value, bound) then ended[#ended + 1] = topic end
  end
  return ended
end

local function topics_of(fields, first)
  local topics = {}
  for name = first, #fields, 2 do
    if fields[name] ~= 'topic' then break end
    topics[#topics + 1] = fields[name + 1]
  end
  return topics
end

local function end_run(topic, outcome)
  local known = redis.call('HGET', runs, topic)
  local run = known and cjson.decode(known)
  if not run or run.s then return end
  run.s, run.e = outcome, text(n)
  redis.call('HSET', runs, topic, cjson.encode(run))
  redis.call('ZREM', leases, topic)
  redis.call('ZADD', finished, text(now + run.k), topic)
end

-- The bytes of an entry in addition to its texts: its ID, its numbers, their names.
local overhead = 100

-- Appends an entry with *fields*, and with a publisher's ID if that is not empty.
local function add(fields, own)
  if not n then
    if not last then
      begin()
      last = newest()
    end
    n, b = number(last), size(last)
  end
  local outcome = fields[#fields - 1] == 'end' and fields[#fields]
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
  if outcome then
    has_ends = true
    for _, topic in ipairs(topics_of(fields, 1)) do
      redis.call('HSET', ends, topic, text(n) .. ' ' .. entry)
      end_run(topic, outcome)
    end
  end
  return entry
end

local function forget(entry)
  local place = entry[2][2] .. ' ' .. entry[1]
  for _, topic in ipairs(has_ends and topics_of(entry[2], 5) or {}) do
    if redis.call('HGET', ends, topic) == place then
      redis.call('HDEL', ends, topic)
      local known = redis.call('HGET', runs, topic)
      if known and cjson.decode(known).e == entry[2][2] then forget_run(topic) end
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

-- Deletes a little more than the *added*, so that a large surplus shrinks in steps.
local function trim(added)
  local left, step = math.max(64, 2 * added), added + 4
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
end
"""

#: Keys: those of the store, last batch.  Arguments: the batch's number, the bounds
#: (events, bytes, milliseconds), then each publication as written by
#: `entry.encode_entry`.  Answers, in one line: the batch's number, the first
#: entry's number, each entry's ID.  If topics of the publications have ended, answers a
#: list of ``ended`` and these instead; if the runs of some have another owner, or none,
#: a list of ``lost`` and these.
#:
#: The hash of IDs maps each publisher's ID to the number of entries that have it,
#: and the oldest of them; to an empty ID when that is forgotten, because no other
#: entry replaces it.
#:
#: The hash of ends maps each topic that has ended to the number and the ID of its last
#: entry.
#:
#: The hash of runs maps each topic to JSON: ``o``, the owner; ``b``, when it began, in
#: milliseconds; ``n`` and ``i``, the number and the ID of the entry with which it began;
#: ``k``, how long to keep it, in milliseconds; ``p``, whether it is private; and if it has
#: ended ``s``, how, and ``e``, the number of the entry.  Sorted sets say when the lease of
#: each runs out, when to forget each that has ended, and with which entry each began.
APPEND = Script.of(
    COMMON,
    """
local bounds = {ARGV[2], ARGV[3], ARGV[4]}
local done = redis.call('GET', KEYS[9])
""",
    ADDING,
    """
if done then
  local batch = tonumber(done:match('^%d+'))
  if batch == tonumber(ARGV[1]) then return done end
  -- An old batch over a connection that was given up; nothing waits for the answer.
  if batch > tonumber(ARGV[1]) then return redis.error_reply('STALE batch') end
end

local parsed, ended, lost = {}, {'ended'}, {'lost'}
for at = 5, #ARGV do
  local fields = cjson.decode(ARGV[at])
  parsed[at] = {table.remove(fields, 1), fields}
  local owner = table.remove(fields, 1)
  local topics = (has_ends or owner ~= '') and topics_of(fields, 1) or {}
  for _, topic in ipairs(ended_of(topics)) do ended[#ended + 1] = topic end
  for _, topic in ipairs(owner ~= '' and topics or {}) do
    local run = run_of(topic, now)
    if not run or run.s or run.o ~= owner then lost[#lost + 1] = topic end
  end
end
if #ended > 1 then return ended end
if #lost > 1 then return lost end

local answer = {ARGV[1], ''}
for at = 5, #ARGV do
  answer[#answer + 1] = add(parsed[at][2], parsed[at][1])
  if at == 5 then answer[2] = text(n) end
end
trim(#ARGV - 4)
answer = table.concat(answer, ' ')
redis.call('SET', KEYS[9], answer, 'EX', 600)
return answer
""",
)

#: Keys: those of the store.  Arguments: a publisher's ID, the same ID as an entry's
#: (either may be empty; if both are, the oldest is meant), the longest age in
#: milliseconds or an empty string, the most entries.  Answers the number of the
#: newest entry; the entry asked for, and those that follow; the IDs of some entries
#: that were passed over.  Answers an empty list, if the entry or one that followed it
#: is not kept.
FIND = Script.of(
    COMMON,
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

#: Keys: those of the store.  Arguments: an entry's ID, or ``+``; the longest age in
#: milliseconds; the most entries.  Answers the number after which everything is
#: young enough; then that entry and those before it, the newest first; the IDs of some
#: entries that were passed over.  Begins the order in an empty stream.
BACK = Script.of(
    COMMON,
    """
if not newest() then begin() end
local low = floor(ARGV[2])
local count = fair(tonumber(ARGV[3]), oldest(), newest())
return {text(number(low)), read('XREVRANGE', ARGV[1], '-', count + 1), strangers}
""",
)

#: Keys: those of the store.  Arguments: the longest age in milliseconds, then topics.
#: Answers the entries with which they have ended.
ENDS = Script.of(
    COMMON,
    """
local bound, found, known = latest(tonumber(ARGV[1])), {}, {}
for at = 2, #ARGV do
  local value = redis.call('HGET', ends, ARGV[at])
  local run = value and redis.call('HEXISTS', runs, ARGV[at]) == 1
  local forgotten = run and not run_of(ARGV[at], time())
  if value and not forgotten and not known[value] and is_kept(value, bound) then
    known[value] = true
    local id = value:match(' (.*)$')
    found[#found + 1] = redis.call('XRANGE', stream, id, id)[1]
  end
end
return found
""",
)
