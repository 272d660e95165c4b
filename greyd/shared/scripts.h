// What the store is asked to do, in its own language (Lua, in Redis 7). Each is idempotent: called
// twice, as nobody knows whether the first call arrived, it does what it does once. Their stamps
// are the asking daemon's; knowledge is text as core/knowledge.h has it.
#pragma once

#include <string_view>

namespace grey::shared {

// What is one for all who share a state.
constexpr const char* kPolicyKey = "{greyd}:policy";
constexpr const char* kRunKey = "{greyd}:run";
constexpr const char* kBeatKey = "{greyd}:beat";
constexpr const char* kStreamKey = "{greyd}:orders";
constexpr const char* kEntriesKey = "{greyd}:entries";

// How knowledge is read and written in a script. Others may write to a store, too: what is no
// number of seconds is 0, and a value of another kind is none.
#define GREY_LUA_KNOWLEDGE                                                                  \
  "local function number(text)\n"                                                           \
  "  if not text or #text > 10 or not string.match(text, '^[1-9]%d*$') then return 0 end\n" \
  "  local value = tonumber(text)\n"                                                        \
  "  return value <= 4294967295 and value or 0\n"                                           \
  "end\n"                                                                                   \
  "local function text_of(reply)\n"                                                         \
  "  if type(reply) ~= 'table' then return reply or '' end\n"                               \
  "  if not string.match(reply.err, '^WRONGTYPE') then error(reply) end\n"                  \
  "  return ''\n"                                                                           \
  "end\n"                                                                                   \
  "local function parts(text)\n"                                                            \
  "  local all = {}\n"                                                                      \
  "  for part in string.gmatch(text .. ':', '([^:]*):') do\n"                               \
  "    all[#all + 1] = number(part)\n"                                                      \
  "    if #all == 4 then break end\n"                                                       \
  "  end\n"                                                                                 \
  "  for i = #all + 1, 4 do all[i] = 0 end\n"                                               \
  "  return all\n"                                                                          \
  "end\n"                                                                                   \
  "local function triplet(text)\n"                                                          \
  "  local all = parts(text)\n"                                                             \
  "  if all[1] == 0 or all[2] <= all[1] then all[2] = 0 end\n"                              \
  "  return all\n"                                                                          \
  "end\n"                                                                                   \
  "local function to_text(all)\n"                                                           \
  "  local out = ''\n"                                                                      \
  "  for i = #all, 1, -1 do\n"                                                              \
  "    if out ~= '' then out = ':' .. out end\n"                                            \
  "    if all[i] ~= 0 then out = string.format('%d', all[i]) .. out end\n"                  \
  "  end\n"                                                                                 \
  "  return out\n"                                                                          \
  "end\n"

// Of one query. KEYS: the client, then its triplets. ARGV: now, the resend window, the timeout, the
// passes that make a client known (0: none is), then for each key the time of its forgetting (0:
// never). Answers what is known of each: where the client is known that alone; else a triplet of
// which nothing is known, or what nobody can read, has its first attempt now, and the empty text is
// answered for it.
inline constexpr std::string_view kAsk = GREY_LUA_KNOWLEDGE R"lua(
local now, window, timeout, wanted = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local client = text_of(redis.pcall('GET', KEYS[1]))
if wanted > 0 and client ~= '' then
  local seen, passes = string.match(client, '^(%d+):?(%d*)$')
  seen, passes = number(seen), number(passes)
  if passes >= wanted and passes <= 255 and now - seen < timeout and seen > tonumber(ARGV[5]) then
    return {client}
  end
end
local answer = {client}
for i = 2, #KEYS do
  local before = redis.pcall('SET', KEYS[i], ARGV[1], 'NX', 'GET', 'EX', window)
  local known = text_of(before)
  if before then
    local all = triplet(known)
    if math.max(unpack(all)) <= tonumber(ARGV[4 + i]) or to_text(all) ~= known then
      redis.call('SET', KEYS[i], ARGV[1], 'EX', window)
      known = ''
    end
  end
  answer[i] = known
end
return answer
)lua";

// KEYS: of what was sent. Answers what is known of each, and changes nothing.
inline constexpr std::string_view kRead = GREY_LUA_KNOWLEDGE R"lua(
local answer = {}
for i = 1, #KEYS do answer[i] = text_of(redis.pcall('GET', KEYS[i])) end
return answer
)lua";

// What is known here, to be joined with what is known there. KEYS: clients and triplets. ARGV: for
// each key 'c' or 't', the knowledge, and for how long it is to be kept from now on at least.
inline constexpr std::string_view kTell = GREY_LUA_KNOWLEDGE R"lua(
local function join(kind, a, b)
  if kind == 'c' then
    return to_text({math.max(a[1], b[1]), math.min(math.max(a[2], b[2]), 255)})
  end
  local a_latest, b_latest = math.max(a[1], a[2]), math.max(b[1], b[2])
  local first = a[1]
  if first == 0 or (b[1] ~= 0 and b[1] < first) then first = b[1] end
  local latest = math.max(a_latest, b_latest)
  if first == 0 or latest == first then latest = 0 end
  return to_text({first, latest, math.max(a[3], b[3]), math.max(a[4], b[4])})
end
for i = 1, #KEYS do
  local kind, news, life = ARGV[3 * i - 2], ARGV[3 * i - 1], tonumber(ARGV[3 * i])
  local known = text_of(redis.pcall('GET', KEYS[i]))
  if known ~= '' then
    news = join(kind, parts(known), parts(news))
    life = math.max(life, redis.call('TTL', KEYS[i]))
  end
  if news ~= known then
    redis.call('SET', KEYS[i], news, 'EX', life)
  else
    redis.call('EXPIRE', KEYS[i], life)
  end
end
return #KEYS
)lua";

// A good retry. KEYS: the client, then the triplets that passed by it. ARGV: now, the timeout,
// whether the client earns a pass by it (1 or 0), then for each key the time of its forgetting.
// Answers what is known of the client then. It earns where one of these triplets had not passed.
inline constexpr std::string_view kPass = GREY_LUA_KNOWLEDGE R"lua(
local now, timeout = tonumber(ARGV[1]), tonumber(ARGV[2])
local earns = false
for i = 2, #KEYS do
  local all = triplet(text_of(redis.pcall('GET', KEYS[i])))
  local passed, forgotten = all[3], tonumber(ARGV[3 + i])
  if passed <= forgotten or now - passed >= timeout then earns = true end
  all[3] = math.max(passed, now)
  redis.call('SET', KEYS[i], to_text(all), 'EX', timeout)
end
local client = text_of(redis.pcall('GET', KEYS[1]))
if earns and ARGV[3] == '1' then
  local seen, passes = string.match(client, '^(%d+):?(%d*)$')
  seen, passes = number(seen), number(passes)
  if seen <= tonumber(ARGV[4]) or now - seen >= timeout then passes = 0 end
  client = string.format('%d:%d', math.max(seen, now), math.min(passes + 1, 255))
  redis.call('SET', KEYS[1], client, 'EX', timeout)
end
return client
)lua";

#undef GREY_LUA_KNOWLEDGE

// Who shares this state, and on which terms. KEYS: the policy's, the run's, the beat's. ARGV: this
// daemon's policy as text, a name that nobody else has, the last beat that it was told (0: none).
// Answers the policy that holds here, the run, the beat, this store's clock.
//
// A policy holds as long as one who has it comes by each minute. A beat is the store's clock, kept:
// a store with an older one than it has told somebody has lost what it was told since (it was
// restarted with an old snapshot, or another has taken its place). Then another run begins, as
// where there is none: "NAME:SINCE:BEFORE", the beat since which it has lost all (0: it is empty)
// and the name of the run before.
inline constexpr std::string_view kMeet = R"lua(
local policy = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'GET', 'EX', 60) or ARGV[1]
if policy == ARGV[1] then redis.call('EXPIRE', KEYS[1], 60) end
local run = redis.call('GET', KEYS[2])
local clock = redis.call('TIME')[1]
local beat = redis.call('GET', KEYS[3]) or ''
if not tonumber(beat) then beat = '0' end
if not run then
  run = ARGV[2] .. ':0:'
elseif tonumber(ARGV[3]) > tonumber(beat) then
  run = ARGV[2] .. ':' .. beat .. ':' .. string.match(run, '^[^:]*')
end
redis.call('SET', KEYS[2], run)
if tonumber(clock) > tonumber(beat) then beat = clock end
redis.call('SET', KEYS[3], beat)
return {policy, run, beat, clock}
)lua";

// The same for who looks and does not come by. KEYS: the policy's. Answers the policy that holds
// (empty: none does), the store's clock.
inline constexpr std::string_view kLook = R"lua(
return {redis.call('GET', KEYS[1]) or '', redis.call('TIME')[1]}
)lua";

// Whether this daemon may do all that the others here do, and the store takes it. KEYS: three that
// are its own, of a text, a hash and a stream, and go by themselves; then one of each kind that the
// others have, which it leaves alone: who has no right to a key is refused for having named it.
// What else is refused is named, as Redis does not name it.
inline constexpr std::string_view kProbe = R"lua(
local refused
local function run(...)
  if refused then return end
  local answer = redis.pcall(...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  refused = answer.err
  if string.find(refused, "can't run this command", 1, true) then
    refused = 'NOPERM this user may not run ' .. select(1, ...)
  end
end
run('SET', KEYS[1], '1', 'NX', 'GET', 'EX', 1)
run('GET', KEYS[1])
run('EXPIRE', KEYS[1], 1)
run('TTL', KEYS[1])
run('HSET', KEYS[2], 'probe', '1')
run('EXPIRE', KEYS[2], 1)
run('HGET', KEYS[2], 'probe')
run('HSCAN', KEYS[2], 0)
run('HDEL', KEYS[2], 'probe')
run('XADD', KEYS[3], 'MINID', '~', '0', '*', 'probe', '1')
run('EXPIRE', KEYS[3], 1)
run('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)
run('TIME')
return refused and redis.error_reply(refused) or 1
)lua";

// An order (order.h) is said to all. KEYS: the stream, the last orders. ARGV: its text, what it is
// about, its time and its rank in that second, the time from which it is of no use (0: none), the
// time before which what was said is of none, how far a right clock may be ahead of this store's.
// Of orders about the same the last is kept for those who come later; what is none, or is of a
// clock further ahead, is none of them. Answers 1, or 0 where it, or a later one, has been said.
inline constexpr std::string_view kSay = R"lua(
local at, rank, order = string.match(redis.call('HGET', KEYS[2], ARGV[2]) or '',
                                     '^(%d+) (%d+) %d+ (.*)$')
if order and string.match(order, '"at":(%d+)') ~= at then order = nil end
at, rank = order and tonumber(at) or 0, order and tonumber(rank) or 0
if at > tonumber(redis.call('TIME')[1]) + tonumber(ARGV[7]) then at = 0 end
local new_at, new_rank = tonumber(ARGV[3]), tonumber(ARGV[4])
if at > new_at or (at == new_at and rank >= new_rank) then return 0 end
redis.call('XADD', KEYS[1], 'MINID', '~', ARGV[6] .. '000', '*', 'order', ARGV[1])
redis.call('HSET', KEYS[2], ARGV[2], table.concat({ARGV[3], ARGV[4], ARGV[5], ARGV[1]}, ' '))
return 1
)lua";

// KEYS: the stream. ARGV: the id of the last order that was heard ("0": none), the length of the
// longest that can be one, how many are answered at most, and at how many octets there is no
// further one. Answers ids and orders, in turns; the empty text for what is none.
inline constexpr std::string_view kHear = R"lua(
local answer, octets = {}, 0
for _, said in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[3])) do
  local order = said[2][2]
  if said[2][1] ~= 'order' or #order > tonumber(ARGV[2]) then order = '' end
  answer[#answer + 1] = said[1]
  answer[#answer + 1] = order
  octets = octets + #said[1] + #order
  if octets >= tonumber(ARGV[4]) then break end
end
return answer
)lua";

// KEYS: the last orders. ARGV: where to go on ("0": at the beginning), the length of the longest
// order, now. Answers where the next call goes on ("0": that was all), and some of them, each at
// least once in all; what is of no use any more is taken out.
inline constexpr std::string_view kEntries = R"lua(
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 100)
local answer = {page[1]}
for i = 1, #page[2], 2 do
  local over, order = string.match(page[2][i + 1], '^%d+ %d+ (%d+) (.*)$')
  over = tonumber(over) or 0
  if over > 0 and over <= tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], page[2][i])
  else
    if not order or #order > tonumber(ARGV[2]) then order = '' end
    answer[#answer + 1] = order
  end
end
return answer
)lua";

}  // namespace grey::shared
