/**
 * A sector identifier document must list every redirect URI of the client that names it (OpenID Connect Core section
 * 8.1), or anyone could join the sector of another app and learn what it calls people. It is asked when a client is
 * registered and whenever one of the two changes.
 */

import type { Fault } from './client.ts';
import type { ClientInput } from './client-rules.ts';
import type { Clients } from './clients.ts';

/** outbound/: asks one https address, guarded. @throws when it may not or does not answer */
type Send = (request: {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}) => Promise<{ readonly status: number; readonly body: Buffer }>;

/** The same clients, with that check before a change is made. */
export function checkingSectors(clients: Clients, send: Send): Clients {
  async function faultsOf({
    subjectType,
    sectorIdentifierUri,
    redirectUris,
  }: Partial<ClientInput>): Promise<Fault[]> {
    // What else is wrong with them is left to the rules.
    if (subjectType !== 'pairwise' || typeof sectorIdentifierUri !== 'string') return [];
    if (URL.parse(sectorIdentifierUri)?.protocol !== 'https:') return [];
    const fault = await documentFault(send, sectorIdentifierUri, redirectUris ?? []);
    return fault ? [{ field: 'sectorIdentifierUri', fault }] : [];
  }

  return {
    ...clients,
    async create(input, ...rest) {
      const faults = await faultsOf(input ?? {});
      return faults.length > 0 ? { kind: 'faults', faults } : clients.create(input, ...rest);
    },
    async update(clientId, patch, ...rest) {
      const touched = ['subjectType', 'sectorIdentifierUri', 'redirectUris'].some(
        (member) => patch[member as 'redirectUris'] !== undefined,
      );
      const before = touched ? await clients.find(clientId) : undefined;
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
      const faults = before ? await faultsOf({ ...before, ...given }) : [];
      return faults.length > 0 ? { kind: 'faults', faults } : clients.update(clientId, patch, ...rest);
    },
  };
}

async function documentFault(
  send: Send,
  url: string,
  redirectUris: readonly string[],
): Promise<string | undefined> {
  let listed: unknown;
  try {
    const { status, body } = await send({ url, headers: { accept: 'application/json' } });
    if (status !== 200) return `answers ${status} instead of a list of redirect URIs`;
    listed = JSON.parse(body.toString());
  } catch (error) {
    if (error instanceof SyntaxError) return 'holds no JSON';
    return `cannot be asked: ${error instanceof Error ? error.message : 'no answer'}`;
  }
  if (!Array.isArray(listed)) return 'holds no JSON list of redirect URIs';
  const missing = redirectUris.find((uri) => !listed.includes(uri));
  return missing === undefined ? undefined : `does not list ${missing}`;
}
