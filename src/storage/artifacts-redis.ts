/**
 * Artifacts in Redis, single or Cluster: one command an operation (redis-scripts.ts), keys by redis-keys.ts. It
 * writes no key without a time to live. Not kept here: what must outlive a Redis that forgets (families.ts).
 */
import { checkPut, expiryOf } from './artifact-rules.ts';
import type { Artifacts, CommitOutcome, Found, Put, SessionFamily, StoredArtifact } from './artifacts.ts';
import { digest } from './digest.ts';
import { endReasonOf } from './end-reasons.ts';
import { type ArtifactKind, familyKinds, isKind, isSessionUid, tagOf, tagOfUid } from './ids.ts';
import { openedLately } from './opened-lately.ts';
import { type OpenRedis, redisFault } from './redis.ts';
import { createAcknowledged } from './redis-acknowledged.ts';
import * as keys from './redis-keys.ts';
import { defineScripts, MAX_PUTS } from './redis-scripts.ts';
import type { Sealing } from './sealing.ts';

interface Needs {
  redis: Pick<OpenRedis, 'client'>;
  sealing: Pick<Sealing, 'seal' | 'open'>;
  clock: { now(): number };
  log?: { warn(message: string, fields?: Record<string, unknown>): void };
  /** Throws while Redis must not be asked (redis-pulse.ts). */
  gate?: () => void;
  /** How many replicas must have a single use before it counts (redis-acknowledged.ts). */
  waitReplicas?: number;
}

type Fields = readonly (string | null | undefined)[];

export function createRedisArtifacts(needs: Needs): Artifacts {
  const { sealing, clock, log, gate, waitReplicas = 0 } = needs;
  const { client } = needs.redis;
  const script = defineScripts(client);
  const acknowledged = createAcknowledged(client, waitReplicas);
  const openAgain = openedLately(sealing.open);
  let trips = 0;

  async function ask<T>(command: () => Promise<T> | T): Promise<T> {
    gate?.();
    trips += 1;
    try {
      return await command();
    } catch (error) {
      throw redisFault(error);
    }
  }
  const run = (name: string, at: readonly string[], values: readonly (string | number)[] = []) =>
    ask(() => script(name, at, values));
  /** For what may happen once only. */
  const runOnce: typeof run = (name, at, values = []) =>
    ask(() => acknowledged((to) => script(name, at, values, to)));

  const seal = (kind: ArtifactKind, idDigest: string, payload: Record<string, unknown>) =>
    sealing.seal(JSON.stringify(payload), `${kind}:${idDigest}`);

  /** Absent when it has expired, and when it cannot be opened: then one person signs in again, and we hear of it. */
  function opened(
    kind: ArtifactKind,
    idDigest: string,
    [p, b, e, x]: Fields,
    open = sealing.open,
  ): StoredArtifact | undefined {
    if (!p || !b || !e || Number(e) <= clock.now()) return undefined;
    try {
      const payload = JSON.parse(open(p, `${kind}:${idDigest}`)) as Record<string, unknown>;
      return { payload, bornAt: Number(b), expiresAt: Number(e), ...(x ? { consumedAt: Number(x) } : {}) };
    } catch (error) {
      log?.warn('a stored artifact does not open', { kind, fault: String(error) });
      return undefined;
    }
  }

  /** Where an artifact was consumed from; '' when that cannot be told. */
  function networkOf(idDigest: string, sealed: string): string {
    try {
      return sealing.open(sealed, `consumed from:${idDigest}`);
    } catch {
      // It decides nothing: a replay is a replay wherever the first use came from.
      return '';
    }
  }

  async function findSession(tag: string, field: 'd' | 'i', wanted: string): Promise<Found> {
    const at = keys.sessionKey(tag);
    const [p, b, e, x, d, i] = await ask(() => client.hmget(at, 'p', 'b', 'e', 'x', 'd', 'i'));
    if (!d || (field === 'd' ? d : i) !== wanted) return {};
    const artifact = opened('Session', d, [p, b, e, x]);
    return artifact ? { artifact } : {};
  }

  async function findGrant(id: string): Promise<Found> {
    const at = keys.grantKey(tagOf(id));
    const [p, b, e, t, d] = await ask(() => client.hmget(at, 'p', 'b', 'e', 't', 'd'));
    if (!d || d !== digest(id)) return {};
    if (t) return { ended: endReasonOf(t) };
    const artifact = opened('Grant', d, [p, b, e]);
    return artifact ? { artifact } : {};
  }

  async function findOfFamily(kind: ArtifactKind, tag: string, idDigest: string): Promise<Found> {
    const at = [`c:{${tag}}:${idDigest}`, keys.grantKey(tag), keys.answerKey(tag)];
    const answer = (await run('find', at)) as readonly [Fields, Fields, Fields] | null;
    if (!answer) return {};
    const [own, [gp, gb, ge, ended, familyDigest], [r, sealed, binding, until]] = answer;
    const hasFamily = Boolean(own[4]) && own[4] === familyDigest;
    if (hasFamily && ended) return { ended: endReasonOf(ended) };
    // An access token is presented again and again.
    const open = kind === 'AccessToken' ? openAgain : sealing.open;
    const artifact = opened(kind, idDigest, own, open);
    if (!artifact) return {};
    const from = own[5] ? networkOf(idDigest, own[5]) : '';
    if (from) artifact.consumedFrom = from;
    const grant = hasFamily && familyDigest ? opened('Grant', familyDigest, [gp, gb, ge], open) : undefined;
    if (grant) artifact.bornAt = grant.bornAt;
    const isOpen = artifact.consumedAt && r === idDigest && sealed && binding && clock.now() < Number(until);
    return {
      artifact,
      ...(grant ? { grant } : {}),
      ...(isOpen ? { answer: { sealed, binding, until: Number(until) } } : {}),
    };
  }

  async function find(kind: ArtifactKind, id: string): Promise<Found> {
    if (!isKind(id, kind)) return {};
    if (kind === 'Grant') return findGrant(id);
    const idDigest = digest(id);
    if (kind === 'Session') return findSession(tagOf(id), 'd', idDigest);
    if (familyKinds.has(kind)) return findOfFamily(kind, tagOf(id), idDigest);
    const at = keys.artifactKey(kind, id, idDigest);
    const artifact = opened(kind, idDigest, await ask(() => client.hmget(at, 'p', 'b', 'e', 'x')));
    return artifact ? { artifact } : {};
  }

  async function put(p: Put): Promise<boolean> {
    checkPut(p);
    const now = clock.now();
    const expires = expiryOf(p, now);
    const idDigest = digest(p.id);
    const at = keys.artifactKey(p.kind, p.id, idDigest);
    const values = [seal(p.kind, idDigest, p.payload), now, expires];
    if (p.kind === 'Grant') await run('putGrant', [at], [...values, idDigest]);
    else if (p.uid !== undefined)
      return (await run('putSession', [at], [...values, idDigest, digest(p.uid)])) === 1;
    else if (p.family === undefined) await run('put', [at], values);
    else await run('putOfFamily', [at, keys.grantKey(tagOf(p.family))], [...values, digest(p.family)]);
    const { userCode } = p;
    if (userCode === undefined || expires <= now) return true;
    // After the artifact: a code that is found names something that is there.
    const entry = `${tagOf(p.id)}.${idDigest}`;
    await ask(() => client.set(keys.userCodeKey(userCode), entry, 'PX', expires - now));
    return true;
  }

  async function commit({
    family,
    consume,
    puts,
  }: Parameters<Artifacts['commit']>[0]): Promise<CommitOutcome> {
    const tag = tagOf(family);
    if (puts.length > MAX_PUTS) throw new TypeError(`a commit puts at most ${MAX_PUTS} artifacts`);
    if (consume && (!isKind(consume.id, consume.kind) || tagOf(consume.id) !== tag))
      return { kind: 'absent' };
    const now = clock.now();
    const grantAt = keys.grantKey(tag);
    const usedDigest = consume ? digest(consume.id) : '';
    const at = [grantAt, keys.answerKey(tag), consume ? `c:{${tag}}:${usedDigest}` : grantAt];
    const { sealed = '', binding = '', windowSeconds = 0 } = consume?.answer ?? {};
    const values: (string | number)[] = [
      now,
      digest(family),
      usedDigest,
      sealed,
      binding,
      windowSeconds * 1000,
      consume?.from ? sealing.seal(consume.from, `consumed from:${usedDigest}`) : '',
      consume?.readUnused ? 1 : '',
    ];
    for (const p of puts) {
      checkPut(p.kind === 'Grant' ? p : { ...p, family: p.family ?? family });
      const itsFamily = p.kind === 'Grant' ? p.id : (p.family ?? family);
      if (itsFamily !== family) throw new TypeError('a commit puts into one family only');
      const idDigest = digest(p.id);
      at.push(keys.artifactKey(p.kind, p.id, idDigest));
      values.push(seal(p.kind, idDigest, p.payload), expiryOf(p, now));
    }
    const send = consume ? runOnce : run;
    const answer = await send(`commit${puts.length}`, at, values);
    const [kind, detail = '', from = ''] = answer as [string, string?, string?];
    if (kind === 'replayed') return { kind, sealed: detail };
    if (kind === 'ended') return { kind, reason: endReasonOf(detail) };
    if (kind === 'theft') {
      const whence = from ? networkOf(usedDigest, from) : '';
      return { kind, firstUse: { at: Number(detail), ...(whence ? { from: whence } : {}) } };
    }
    return { kind } as CommitOutcome;
  }

  return {
    find,
    put,
    commit,
    findSessionByUid: async (uid) => (isSessionUid(uid) ? findSession(tagOfUid(uid), 'i', digest(uid)) : {}),
    findByUserCode: async (code) => {
      const entry = await ask(() => client.get(keys.userCodeKey(code)));
      const [tag, idDigest] = entry?.split('.') ?? [];
      return tag && idDigest ? findOfFamily('DeviceCode', tag, idDigest) : {};
    },
    consume: async (kind, id) => {
      if (!isKind(id, kind)) return false;
      const at = [keys.artifactKey(kind, id, digest(id)), keys.grantKey(tagOf(id))];
      return (await runOnce('consume', at, [clock.now()])) === 1;
    },
    destroy: async (kind, id) => {
      if (!isKind(id, kind)) return;
      const idDigest = digest(id);
      const at = keys.artifactKey(kind, id, idDigest);
      if (kind === 'Grant') await run('destroyGrant', [at], [idDigest]);
      else if (kind === 'Session') await run('destroySession', [at], [idDigest]);
      else await ask(() => client.del(at));
    },
    endFamily: async (family, reason, ttlSeconds) => {
      const values = [clock.now(), digest(family), reason, Math.max(1, Math.ceil(ttlSeconds * 1000))];
      await run('endFamily', [keys.grantKey(tagOf(family))], values);
    },
    familyState: async (family, jti) => {
      const denied = keys.deniedKey(jti, family);
      if (family === undefined) {
        return { known: true, denied: (await ask(() => client.exists(denied))) === 1 };
      }
      const at = [keys.grantKey(tagOf(family)), denied];
      const [[ended, d, p, b, e], marks] = (await run('familyState', at)) as [Fields, number];
      const ours = d === digest(family);
      const grant = ours && d && !ended ? opened('Grant', d, [p, b, e], openAgain) : undefined;
      return {
        known: grant !== undefined,
        denied: marks === 1,
        ...(ours && ended ? { ended: endReasonOf(ended) } : {}),
        ...(grant ? { grant } : {}),
      };
    },
    denyToken: async (jti, family, ttlSeconds) => {
      const ttl = Math.max(1, Math.ceil(ttlSeconds * 1000));
      await ask(() => client.set(keys.deniedKey(jti, family), '1', 'PX', ttl));
    },
    claim: async (scope, value, expiresAt) => {
      // A claim made late still stands for a second: the loser of a race must not become a second winner.
      const ttl = Math.max(1000, Math.ceil(expiresAt - clock.now()));
      const at = keys.claimKey(scope, value);
      return (await ask(() => acknowledged((to) => to.set(at, '1', 'PX', ttl, 'NX')))) === 'OK';
    },
    addSessionFamily: async (uid, family, offline, clientId, ttlSeconds) => {
      const ttl = Math.max(1, Math.ceil(ttlSeconds * 1000));
      const entry = JSON.stringify({ family, offline, clientId, until: clock.now() + ttl });
      const sealed = sealing.seal(entry, `SessionFamily:${digest(uid)}`);
      await run('addSessionFamily', [keys.sessionFamiliesKey(uid)], [digest(family), sealed, ttl]);
    },
    sessionFamilies: async (uid) => {
      if (!isSessionUid(uid)) return [];
      const entries = await ask(() => client.hvals(keys.sessionFamiliesKey(uid)));
      return entries.flatMap((sealed) => {
        try {
          const text = sealing.open(sealed, `SessionFamily:${digest(uid)}`);
          const { until, ...entry } = JSON.parse(text) as SessionFamily & { until: number };
          return until > clock.now() ? [entry] : [];
        } catch (error) {
          // Nobody is kept from signing out by an entry that does not open.
          log?.warn('a stored artifact does not open', { kind: 'SessionFamily', fault: String(error) });
          return [];
        }
      });
    },
    tripCount: () => trips,
    ping: async () => {
      await ask(() => client.ping());
    },
    close: async () => undefined,
  };
}
