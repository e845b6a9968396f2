"""
The Lua script that appends, and forgets the oldest entries.
"""

from __future__ import annotations

from twisted_sse.history.redis.script import COMMON, Script

__all__ = ["ADDING", "APPEND"]

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
