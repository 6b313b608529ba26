/** Short ways to say what the contract tests put. */
import type { Artifacts, Put } from '../../src/storage/artifacts.ts';
import { type ArtifactKind, newId, newSessionId, newSessionUid } from '../../src/storage/ids.ts';

export interface Family {
  readonly grant: string;
  readonly code: string;
  readonly access: string;
  readonly refresh: string;
}

export function putOf(kind: ArtifactKind, id: string, family?: string, ttlSeconds = 3600): Put {
  return { kind, id, payload: { kind, made: 'for a test' }, ttlSeconds, ...(family ? { family } : {}) };
}

/** A Grant of a day with a code, an access and a refresh token of an hour. */
export async function makeFamily(artifacts: Artifacts): Promise<Family> {
  const grant = newId('Grant');
  const family = {
    grant,
    code: newId('AuthorizationCode', grant),
    access: newId('AccessToken', grant),
    refresh: newId('RefreshToken', grant),
  };
  await artifacts.put(putOf('Grant', grant, undefined, 86_400));
  await artifacts.put(putOf('AuthorizationCode', family.code, grant));
  await artifacts.put(putOf('AccessToken', family.access, grant));
  await artifacts.put(putOf('RefreshToken', family.refresh, grant));
  return family;
}

/** The rotation of one refresh token: what the commit stores and the names of what it makes. */
export function rotation(grant: string, from: string, windowSeconds = 30, binding = 'same client') {
  const refresh = newId('RefreshToken', grant);
  const access = newId('AccessToken', grant);
  return {
    refresh,
    access,
    commit: {
      family: grant,
      consume: {
        kind: 'RefreshToken' as const,
        id: from,
        answer: { sealed: `answer with ${refresh.slice(-8)}`, binding, windowSeconds },
      },
      puts: [putOf('RefreshToken', refresh, grant), putOf('AccessToken', access, grant)],
    },
  };
}

export async function makeSession(artifacts: Artifacts): Promise<{ uid: string; id: string; put: Put }> {
  const uid = newSessionUid();
  const id = newSessionId(uid);
  const put: Put = { kind: 'Session', id, uid, payload: { accountId: 'somebody' }, ttlSeconds: 3600 };
  await artifacts.put(put);
  return { uid, id, put };
}

/** Runs `work` that many times at once. */
export function atOnce<T>(times: number, work: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, (_, n) => work(n)));
}
