"""
The Lua scripts of runs: begin, renew, interrupt, find.

`twisted_sse.history.redis.appendscript` says what the keys hold.  One more key says when a
hub has renewed or interrupted last.
"""

from __future__ import annotations

from twisted_sse.history.redis.appendscript import ADDING
from twisted_sse.history.redis.script import COMMON, Script

__all__ = ["BEGIN", "FIND_RUN", "INTERRUPT", "LIST_RUNS", "RENEW"]

# Forgets the runs that were kept long enough, some at a time.
_FORGETTING = """
for _, topic in ipairs(redis.call('ZRANGEBYSCORE', finished, '-inf', text(now), 'LIMIT', 0, 100)) do
  local known = redis.call('HGET', runs, topic)
  local value = redis.call('HGET', ends, topic)
  local run = known and cjson.decode(known)
  if value and run and run.e == value:match('^%d+') then redis.call('HDEL', ends, topic) end
  forget_run(topic)
end
"""

# The run of a topic as it is answered: the topic, its JSON, or nothing if its end is no
# longer kept.
_TELLING = """
local function told(topic, now, bound)
  local run = run_of(topic, now)
  if not run then return nil end
  if run.s then
    local value = redis.call('HGET', ends, topic)
    if not value or value:match('^%d+') ~= run.e or not is_kept(value, bound) then return nil end
  end
  return {topic, cjson.encode(run)}
end
"""

#: Keys: those of the store.  Arguments: the bounds, the topic, the owner, the lease and the
#: time to keep in milliseconds, 1 if it is private, the entry as written by
#: `entry.encode_entry`.  Answers 1 and the entry with which the run begins, or 0 and none;
#: then the topic and the run.  If the topic has ended without being a run, answers 2.
BEGIN = Script.of(
    COMMON,
    "local bounds = {ARGV[1], ARGV[2], ARGV[3]}\n",
    ADDING,
    _TELLING,
    """
local topic, owner = ARGV[4], ARGV[5]
local known = told(topic, now, bound)
if known then return {0, {}, known} end
local forgotten = redis.call('HEXISTS', runs, topic) == 1
if not forgotten and #ended_of({topic}) > 0 then return {2} end
if forgotten then
  forget_run(topic)
  redis.call('HDEL', ends, topic)
end

local fields = cjson.decode(ARGV[9])
table.remove(fields, 1)
table.remove(fields, 1)
local entry = add(fields, '')
local run = {o = owner, b = now, n = text(n), i = entry, k = tonumber(ARGV[7])}
if ARGV[8] == '1' then run.p = 1 end
redis.call('HSET', runs, topic, cjson.encode(run))
redis.call('ZADD', leases, text(now + ARGV[6]), topic)
redis.call('ZADD', order, text(n), topic)
trim(1)
return {1, redis.call('XRANGE', stream, entry, entry), {topic, cjson.encode(run)}}
""",
)

#: Keys: those of the store.  Arguments: the lease in milliseconds, then topics and owners in
#: turn.  Answers the topics of the runs that are lost.
RENEW = Script.of(
    COMMON,
    """
local now = time()
redis.call('SET', KEYS[8], text(now))
local lost = {}
for at = 2, #ARGV, 2 do
  local run = run_of(ARGV[at], now)
  if run and not run.s and run.o == ARGV[at + 1] then
    redis.call('ZADD', leases, text(now + ARGV[1]), ARGV[at])
  else
    lost[#lost + 1] = ARGV[at]
  end
end
return lost
""",
)

#: Keys: those of the store.  Arguments: the bounds, the lease in milliseconds, the most runs,
#: then what an end has after its topic, as an entry, as JSON: public, then private.  Answers
#: the entries of the ends.
INTERRUPT = Script.of(
    COMMON,
    "local bounds = {ARGV[1], ARGV[2], ARGV[3]}\n",
    ADDING,
    """
local lease = tonumber(ARGV[4])
local called = tonumber(redis.call('GET', KEYS[8]) or '')
redis.call('SET', KEYS[8], text(now))
""",
    _FORGETTING,
    """
if not called or now - called > lease / 2 then
  for _, topic in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
    local due = tonumber(redis.call('ZSCORE', leases, topic))
    redis.call('ZADD', leases, text(math.max(due, now + lease)), topic)
  end
  return {}
end
local late = redis.call('ZRANGEBYSCORE', leases, '-inf', text(now), 'LIMIT', 0, ARGV[5])
local entries = {}
for _, topic in ipairs(late) do
  local known = redis.call('HGET', runs, topic)
  local run = known and cjson.decode(known)
  if run and not run.s then
    local fields = {'topic', topic}
    for _, field in ipairs(cjson.decode(ARGV[run.p and 7 or 6])) do fields[#fields + 1] = field end
    local entry = add(fields, '')
    entries[#entries + 1] = redis.call('XRANGE', stream, entry, entry)[1]
  else
    redis.call('ZREM', leases, topic)
  end
end
if #entries > 0 then trim(#entries) end
return entries
""",
)

#: Keys: those of the store.  Arguments: the longest age in milliseconds, a topic.  Answers
#: the topic and its run, or an empty list.
FIND_RUN = Script.of(
    COMMON,
    _TELLING,
    """
return told(ARGV[2], time(), latest(tonumber(ARGV[1]))) or {}
""",
)

#: Keys: those of the store.  Arguments: the longest age in milliseconds; the number of the
#: entry before which they began, or an empty string; the most runs.  Answers topics and
#: runs, the newest first.
LIST_RUNS = Script.of(
    COMMON,
    _TELLING,
    """
local now, bound, found = time(), latest(tonumber(ARGV[1])), {}
local highest = ARGV[2] == '' and '+inf' or '(' .. ARGV[2]
local most, skip = tonumber(ARGV[3]), 0
while #found < most do
  local page = redis.call('ZREVRANGEBYSCORE', order, highest, '-inf', 'LIMIT', skip, most)
  for _, topic in ipairs(page) do
    local one = #found < most and told(topic, now, bound)
    if one then found[#found + 1] = one end
  end
  if #page < most then break end
  skip = skip + most
end
return found
""",
)
