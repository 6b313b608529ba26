/**
 * What people are called outside of this house. Inside, an account has one id; a pairwise client (OpenID Connect Core
 * section 8.1) gets a name that no client of another sector sees, so that two of them cannot tell that they know the same
 * person. Whatever leaves with a `sub` in it takes it from here or from the engine, which asks here.
 */
import { createHmac } from 'node:crypto';
import type { Client } from './client.ts';

export type SubjectOf = (
  client: Pick<Client, 'subjectType' | 'sectorIdentifierUri' | 'redirectUris'>,
  accountId: string,
) => string;

/**
 * @param salts of the installation, newest first. The oldest counts: another one would rename everybody at every client.
 * @throws Error when there is none
 */
export function createSubjects(salts: readonly string[]): SubjectOf {
  const salt = salts.at(-1);
  if (!salt) throw new Error('there is no pairwise salt');
  return (client, accountId) => {
    if (client.subjectType !== 'pairwise') return accountId;
    // Neither of the two can hold a line end, so no pair of them reads like another pair.
    return createHmac('sha256', Buffer.from(salt, 'base64url'))
      .update(`${sectorOf(client)}\n${accountId}`)
      .digest('base64url');
  };
}

/** The host (and port, as in a redirect URI) of its sector. */
export function sectorOf({
  sectorIdentifierUri,
  redirectUris,
}: Pick<Client, 'sectorIdentifierUri' | 'redirectUris'>): string {
  const host = URL.parse(sectorIdentifierUri ?? redirectUris[0] ?? '')?.host;
  if (!host) throw new Error('a pairwise client has a sector');
  return host;
}
