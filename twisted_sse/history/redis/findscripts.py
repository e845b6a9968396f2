"""
The Lua scripts that find: missed entries, the newest ones, the ends of topics.
"""

from __future__ import annotations

from twisted_sse.history.redis.script import COMMON, Script

__all__ = ["BACK", "ENDS", "FIND"]

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
