/** Judges how people are named to a client: to everybody alike, or by a name for its sector alone (OpenID Connect Core section 8). */
import type { Client } from './client.ts';
import { DEVICE_GRANT } from './client-types.ts';
import type { InputReader } from './input-reader.ts';
import { uriFaults } from './uri-rules.ts';

/** The members that are judged here. */
export const subjectMembers = ['subjectType', 'sectorIdentifierUri'] as const;

/** See `ClientInput`. */
export interface SubjectInput {
  /** `public` when absent. Changing it gives everybody another name at this client. */
  readonly subjectType?: 'public' | 'pairwise' | null | undefined;
  /** An https document that lists the redirect URIs of all clients of one sector. */
  readonly sectorIdentifierUri?: string | null | undefined;
}

export function judgeSubjects(
  read: InputReader,
  o: { readonly redirectUris: readonly string[]; readonly grantTypes: readonly string[] },
): Pick<Client, (typeof subjectMembers)[number]> {
  const pairwise = read.choice('subjectType', ['public', 'pairwise']) === 'pairwise';
  const uri = read.text('sectorIdentifierUri');
  if (uri !== undefined) {
    read.fault(
      'sectorIdentifierUri',
      ...uriFaults(uri, { loopbackHttp: false, customScheme: false, carriesResponse: false }),
    );
    if (!pairwise) read.fault('sectorIdentifierUri', 'is of use only with the subject type pairwise');
  }
  if (!pairwise) return {};
  if (o.redirectUris.length === 0 || o.grantTypes.includes(DEVICE_GRANT)) {
    // Section 8.1 takes the sector from where people are sent back to.
    read.fault(
      'subjectType',
      'pairwise is for clients that people are sent back to, without the device grant',
    );
  }
  const hosts = new Set(o.redirectUris.map((one) => URL.parse(one)?.host ?? ''));
  if (uri === undefined && (hosts.size > 1 || hosts.has(''))) {
    read.fault(
      'sectorIdentifierUri',
      'is required: the redirect URIs are not all at one host (OpenID Connect Core section 8.1)',
    );
  }
  return { subjectType: 'pairwise', ...(uri !== undefined && { sectorIdentifierUri: uri }) };
}
