/**
 * The Lua scripts: one operation, one command, all keys of one slot. Every script has a fixed number of keys, since
 * ioredis otherwise takes the number for the first key when it groups commands for a Cluster, and fails under load.
 *
 * Fields of an artifact: p sealed payload, b born, e expires, x consumed, w sealed network of that use, f digest of its
 * family's id.
 * Of a grant's key: the same p, b, e; d digest of the grant's id; m when the last thing of the family expires;
 * t reason of its end, and then nothing else but d and m. Of the kept answer: r digest of the token it answers,
 * s sealed answer, k binding, u until. Times are ms since the epoch on the caller's clock.
 */
import type { ChainableCommander, Cluster, Redis } from 'ioredis';
import { LATE_MS } from './artifact-rules.ts';

/** How long a tombstone outlives all that it covers: clocks of processes differ by seconds (DRILLS "clock"). */
const GRACE_MS = 60_000;

/** The most that one commit stores: a code redemption puts a grant, an access and a refresh token. */
export const MAX_PUTS = 6;
export const MAX_HITS = 8;

const writeArtifact = `
local function write(key, payload, now, expires)
  local old = redis.call('HGET', key, 'e')
  if old and tonumber(old) <= now then redis.call('DEL', key) end
  redis.call('HSET', key, 'p', payload, 'e', expires)
  redis.call('HSETNX', key, 'b', now)
  redis.call('PEXPIRE', key, expires - now)
end
`;

// The family's key lives at least as long as anything put into the family, so that its end can be told to outlive it.
const keepFamily = `
local function keep(key, family, last, now, expires)
  if last and tonumber(last) >= expires then return end
  redis.call('HSET', key, 'd', family, 'm', expires)
  redis.call('PEXPIRE', key, expires - now)
end
local function bury(key, family, reason, now, untilMs)
  redis.call('DEL', key)
  redis.call('HSET', key, 't', reason, 'd', family, 'm', untilMs)
  redis.call('PEXPIRE', key, untilMs - now)
end
`;

const writeGrant = `
local function grant(key, family, payload, now, expires)
  local g = redis.call('HMGET', key, 't', 'd', 'e', 'm')
  if g[1] or (g[2] and g[2] ~= family) then return end
  if g[3] and tonumber(g[3]) <= now then redis.call('HDEL', key, 'p', 'b', 'e') end
  redis.call('HSET', key, 'p', payload, 'e', expires, 'd', family)
  redis.call('HSETNX', key, 'b', now)
  keep(key, family, g[4], now, expires)
end
`;

const commit = `${writeArtifact}${keepFamily}${writeGrant}
local now, family = tonumber(ARGV[1]), ARGV[2]
local g = redis.call('HMGET', KEYS[1], 't', 'd', 'e', 'm')
if g[1] then return {'ended', g[1]} end
if g[2] and g[2] ~= family then return {'absent'} end
if ARGV[3] ~= '' then
  local c = redis.call('HMGET', KEYS[3], 'e', 'x', 'f', 'w')
  if not c[1] or tonumber(c[1]) <= now or c[3] ~= family or not g[3] or tonumber(g[3]) <= now then
    return {'absent'}
  end
  if c[2] then
    local a = redis.call('HMGET', KEYS[2], 'r', 's', 'k', 'u')
    if a[1] == ARGV[3] and now < tonumber(a[4]) then
      if a[3] == ARGV[5] then return {'replayed', a[2]} end
      return {'mismatch'}
    end
    if now + ${LATE_MS} < tonumber(c[2]) then return {'absent'} end
    if ARGV[8] ~= '' then return {'mismatch'} end
    bury(KEYS[1], family, 'replayed', now, math.max(tonumber(g[4]), tonumber(g[3])) + ${GRACE_MS})
    redis.call('DEL', KEYS[2])
    return {'theft', c[2], c[4] or ''}
  end
  redis.call('HSET', KEYS[3], 'x', now, 'w', ARGV[7])
  redis.call('DEL', KEYS[2])
  local window = tonumber(ARGV[6])
  if window > 0 then
    redis.call('HSET', KEYS[2], 'r', ARGV[3], 's', ARGV[4], 'k', ARGV[5], 'u', now + window)
    redis.call('PEXPIRE', KEYS[2], window)
  end
end
for i = 4, #KEYS do
  local at = 9 + (i - 4) * 2
  local expires = tonumber(ARGV[at + 1])
  if expires > now then
    if KEYS[i] == KEYS[1] then
      grant(KEYS[1], family, ARGV[at], now, expires)
    else
      write(KEYS[i], ARGV[at], now, expires)
      redis.call('HSET', KEYS[i], 'f', family)
      keep(KEYS[1], family, redis.call('HGET', KEYS[1], 'm'), now, expires)
    end
  end
end
return {'committed'}
`;

/** name → [number of keys, Lua] */
const scripts: Record<string, readonly [number, string]> = {
  // KEYS artifact, grant, kept answer
  find: [
    3,
    `
local a = redis.call('HMGET', KEYS[1], 'p', 'b', 'e', 'x', 'f', 'w')
if not a[1] then return false end
return {a, redis.call('HMGET', KEYS[2], 'p', 'b', 'e', 't', 'd'), redis.call('HMGET', KEYS[3], 'r', 's', 'k', 'u')}
`,
  ],
  // KEYS artifact; ARGV payload, now, expires
  put: [
    1,
    `${writeArtifact}
local now, expires = tonumber(ARGV[2]), tonumber(ARGV[3])
if expires > now then write(KEYS[1], ARGV[1], now, expires) end
`,
  ],
  // KEYS grant; ARGV payload, now, expires, family
  putGrant: [
    1,
    `${keepFamily}${writeGrant}
local now, expires = tonumber(ARGV[2]), tonumber(ARGV[3])
if expires > now then grant(KEYS[1], ARGV[4], ARGV[1], now, expires) end
`,
  ],
  // KEYS artifact, grant; ARGV payload, now, expires, family
  putOfFamily: [
    2,
    `${writeArtifact}${keepFamily}
local now, expires, family = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local g = redis.call('HMGET', KEYS[2], 't', 'd', 'm')
if g[1] or (g[2] and g[2] ~= family) or expires <= now then return end
write(KEYS[1], ARGV[1], now, expires)
redis.call('HSET', KEYS[1], 'f', family)
keep(KEYS[2], family, g[3], now, expires)
`,
  ],
  // KEYS the session's one key; ARGV payload, now, expires, digests of id and uid. d, i: those; o: the ids before it,
  // which never come back, whatever request still held them (of hundreds the last 64); z: it was destroyed for good
  putSession: [
    1,
    `${writeArtifact}
local now, expires = tonumber(ARGV[2]), tonumber(ARGV[3])
local s = redis.call('HMGET', KEYS[1], 'd', 'o', 'z')
if s[3] then return 0 end
if expires <= now or (s[2] and string.find(s[2], ARGV[4], 1, true)) then return 1 end
if s[1] and s[1] ~= ARGV[4] then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'o', string.sub((s[2] or '') .. ' ' .. s[1], -64 * 44))
end
write(KEYS[1], ARGV[1], now, expires)
redis.call('HSET', KEYS[1], 'd', ARGV[4], 'i', ARGV[5])
return 1
`,
  ],
  // KEYS session; ARGV digest of its id
  destroySession: [
    1,
    `
if redis.call('HGET', KEYS[1], 'd') ~= ARGV[1] then return end
redis.call('HSET', KEYS[1], 'z', 1)
redis.call('HDEL', KEYS[1], 'p', 'b', 'e', 'x', 'd', 'i', 'o')
`,
  ],
  // KEYS grant; ARGV digest of its id
  destroyGrant: [
    1,
    `if redis.call('HGET', KEYS[1], 'd') == ARGV[1] then redis.call('HDEL', KEYS[1], 'p', 'b', 'e') end`,
  ],
  // KEYS artifact, grant; ARGV now
  consume: [
    2,
    `
local a = redis.call('HMGET', KEYS[1], 'e', 'x', 'f')
if not a[1] or a[2] or tonumber(a[1]) <= tonumber(ARGV[1]) then return 0 end
if a[3] and redis.call('HEXISTS', KEYS[2], 't') == 1 then return 0 end
return redis.call('HSET', KEYS[1], 'x', ARGV[1])
`,
  ],
  // KEYS grant; ARGV now, family, reason, ttl in ms
  endFamily: [
    1,
    `${keepFamily}
local now = tonumber(ARGV[1])
local g = redis.call('HMGET', KEYS[1], 't', 'd', 'm')
if g[2] and g[2] ~= ARGV[2] then return end
local untilMs = math.max(now + tonumber(ARGV[4]), tonumber(g[3] or 0)) + ${GRACE_MS}
if g[1] then untilMs = math.max(tonumber(g[3]), now + tonumber(ARGV[4]) + ${GRACE_MS}) end
bury(KEYS[1], ARGV[2], g[1] or ARGV[3], now, untilMs)
`,
  ],
  // KEYS grant, denied token
  familyState: [
    2,
    `return {redis.call('HMGET', KEYS[1], 't', 'd', 'p', 'b', 'e'), redis.call('EXISTS', KEYS[2])}`,
  ],
  // KEYS index of a session; ARGV field, sealed entry, ttl in ms
  addSessionFamily: [
    1,
    `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
`,
  ],
  // KEYS pulse. The value before this beat; it lasts longer than any artifact without a beat (a year and a month).
  // The DEL lets it beat in a Redis that is full (see `hit`), or a full Redis would not be trusted with reads either.
  beat: [
    1,
    `
local before = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], tonumber(before or 0) + 1, 'PX', 34300800000)
return before
`,
  ],
};

// KEYS grant, kept answer, what is consumed (or the grant again), then one key a put (a Grant: the grant again);
// ARGV now, family, digest of what is consumed or '', sealed answer, binding, window in ms, sealed network, then payload, expires …
for (let puts = 0; puts <= MAX_PUTS; puts += 1) scripts[`commit${puts}`] = [3 + puts, commit];

// KEYS counters; ARGV now, then window in ms, amount for each. c: count, r: reset.
// In a full Redis (maxmemory, noeviction) counting goes on, or every limit would refuse what needs no memory, such as
// introspection: a script that has run a write which needs none (DEL, HDEL) may run the others. Counters are small and
// end with their window, so they stay bounded.
for (let hits = 1; hits <= MAX_HITS; hits += 1) {
  scripts[`hit${hits}`] = [
    hits,
    `
local now, answer = tonumber(ARGV[1]), {}
for i = 1, #KEYS do
  local window, amount = tonumber(ARGV[i * 2]), tonumber(ARGV[i * 2 + 1])
  local reset = redis.call('HGET', KEYS[i], 'r')
  if reset and tonumber(reset) > now then
    redis.call('HDEL', KEYS[i], '-')
    answer[i] = {redis.call('HINCRBY', KEYS[i], 'c', amount), tonumber(reset)}
  else
    redis.call('DEL', KEYS[i])
    redis.call('HSET', KEYS[i], 'c', amount, 'r', now + window)
    redis.call('PEXPIRE', KEYS[i], window)
    answer[i] = {amount, now + window}
  end
end
return answer
`,
  ];
}

/**
 * Runs one of the scripts: one command, EVALSHA once the connection knows it; NOSCRIPT is answered by EVAL.
 * @param on a pipeline of the same client that it joins, instead of the client
 * @returns a promise of the answer; on a pipeline that pipeline
 */
export type RunScript = (
  name: string,
  keys: readonly string[],
  values: readonly (string | number)[],
  on?: Redis | Cluster | ChainableCommander,
) => unknown;

/**
 * Makes the scripts known to a client. The client's own methods are not touched: pipelines copy them.
 * @throws TypeError (from the returned function) for a name or number of keys that is not defined above
 */
export function defineScripts(redis: Redis | Cluster): RunScript {
  for (const [name, [numberOfKeys, lua]] of Object.entries(scripts)) {
    redis.defineCommand(`cardea_${name}`, { numberOfKeys, lua });
  }
  return (name, keys, values, on = redis) => {
    if (keys.length !== scripts[name]?.[0]) throw new TypeError(`no script ${name}/${keys.length}`);
    const command = Reflect.get(on, `cardea_${name}`) as (...all: (string | number)[]) => unknown;
    return command.call(on, ...keys, ...values);
  };
}
