/**
 * The opaque values that we hand out. A value says its kind by its first letter and its family by the twelve
 * characters after it (the tag), so that a look-up by the value alone knows where to look (the Redis Cluster slot
 * of the whole family) and a value of another kind costs no trip at all. The other 31 characters are 186 random
 * bits; the tag is no secret.
 */
import { pooledRandomBytes } from './random-pool.ts';

export type ArtifactKind =
  | 'Session'
  | 'Grant'
  | 'Interaction'
  | 'AuthorizationCode'
  | 'AccessToken'
  | 'RefreshToken'
  | 'ClientCredentials'
  | 'DeviceCode'
  | 'PushedAuthorizationRequest'
  | 'InitialAccessToken'
  | 'RegistrationAccessToken'
  | 'BackchannelAuthenticationRequest';

const letters: Readonly<Record<ArtifactKind, string>> = {
  Session: 'S',
  Grant: 'G',
  Interaction: 'I',
  AuthorizationCode: 'C',
  AccessToken: 'A',
  RefreshToken: 'R',
  ClientCredentials: 'K',
  DeviceCode: 'D',
  PushedAuthorizationRequest: 'P',
  InitialAccessToken: 'N',
  RegistrationAccessToken: 'M',
  BackchannelAuthenticationRequest: 'B',
};

/** The kinds that may belong to a family: their Grant comes with them in one trip. */
export const familyKinds: ReadonlySet<ArtifactKind> = new Set<ArtifactKind>([
  'AuthorizationCode',
  'AccessToken',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
]);

/** 72 bits: one collision is expected among about 10^10.8 families alive at once, and it is refused, not merged. */
const TAG_LENGTH = 12;
const RANDOM_LENGTH = 31;
const shape = /^[A-Z][A-Za-z0-9_-]{43}$/;
const uidShape = /^[A-Za-z0-9_-]{43}$/;

/** 43 characters of [A-Za-z0-9_-]; the first twelve may be given. */
function body(tag?: string): string {
  const random = pooledRandomBytes(33).toString('base64url');
  return (tag ?? random.slice(0, TAG_LENGTH)) + random.slice(TAG_LENGTH, TAG_LENGTH + RANDOM_LENGTH);
}

/**
 * A new value of a kind: letter, tag, 31 random characters.
 * @param family the id whose tag it shall share, usually the grant's. A grant made for an artifact that is there
 *   already (a device code) takes that artifact's id here. Sessions: `newSessionId`.
 */
export function newId(kind: ArtifactKind, family?: string): string {
  return letters[kind] + body(family === undefined ? undefined : tagOf(family));
}

/** What a session is called for as long as it lives; its ids change at sign-in and share its first 12 characters. */
export function newSessionUid(): string {
  return body();
}

/** A new id for the session with this uid. */
export function newSessionId(uid: string): string {
  return letters.Session + body(tagOfUid(uid));
}

/** Characters 1..13 of an id. @throws TypeError when it is none of ours */
export function tagOf(id: string): string {
  if (!shape.test(id)) throw new TypeError('not an id of ours');
  return id.slice(1, 1 + TAG_LENGTH);
}

/** The tag in a session's uid: its first twelve characters. @throws TypeError when it is none of ours */
export function tagOfUid(uid: string): string {
  if (!uidShape.test(uid)) throw new TypeError('not a session uid of ours');
  return uid.slice(0, TAG_LENGTH);
}

/** Whether a value from outside has the form of an id at all, of whatever kind. */
export function isId(value: string): boolean {
  return shape.test(value);
}

/** Whether a value from outside can be of this kind: when not, asking the store is a wasted trip. */
export function isKind(id: string, kind: ArtifactKind): boolean {
  return id.startsWith(letters[kind]) && shape.test(id);
}

/** Whether a value from outside can be a session's uid. */
export function isSessionUid(uid: string): boolean {
  return uidShape.test(uid);
}
