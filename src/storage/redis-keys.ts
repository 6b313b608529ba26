/**
 * The names of our keys in Redis. What stands in braces decides the Cluster slot: a family shares its tag, and so do
 * a session, its uid and its index of families.
 */
import { digest } from './digest.ts';
import { type ArtifactKind, isId, tagOf, tagOfUid } from './ids.ts';

/** The Grant of a tag, or the tombstone of its family. */
export const grantKey = (tag: string): string => `c:{${tag}}:g`;
/** The kept answer of the family's refresh token that was used last. */
export const answerKey = (tag: string): string => `c:{${tag}}:a`;
/** A session: one key for all ids that it has in its life, so that a change of id is one write. */
export const sessionKey = (tag: string): string => `c:{${tag}}:s`;
export const sessionFamiliesKey = (uid: string): string => `c:{${tagOfUid(uid)}}:f`;
export const claimKey = (scope: string, value: string): string => `c:j:${digest(`${scope}\0${value}`)}`;
export const userCodeKey = (code: string): string => `c:u:${digest(code)}`;
export const counterKey = (key: string): string => `n:${digest(key)}`;
/** A few pulses, so that those of a Cluster lie on several nodes. */
export const pulseKey = (n: number): string => `c:{pulse-${n}}`;

/** Where an artifact lies. */
export function artifactKey(kind: ArtifactKind, id: string, idDigest: string): string {
  const tag = tagOf(id);
  if (kind === 'Grant') return grantKey(tag);
  return kind === 'Session' ? sessionKey(tag) : `c:{${tag}}:${idDigest}`;
}

/** Where the mark of a denied token lies: with its family, so that both are asked in one trip. */
export function deniedKey(jti: string, family: string | undefined): string {
  const jtiDigest = digest(jti);
  const tag = family === undefined ? (isId(jti) ? tagOf(jti) : jtiDigest.slice(0, 12)) : tagOf(family);
  return `c:{${tag}}:d:${jtiDigest}`;
}
