/** What a client may not say of itself when it changes (RFC 7592 section 2.2). */
import type { Kysely } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { Fault } from './client.ts';
import { loadClient } from './clients-store.ts';
import { matchSecret } from './secrets.ts';

const serverMembers = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
] as const;

/** What it may not send, and what must be its own. @param now milliseconds since the epoch */
export async function identityFaults(
  db: Kysely<Database>,
  clientId: string,
  metadata: Readonly<Record<string, unknown>>,
  now: number,
): Promise<Fault[]> {
  const sent = (name: string) => Object.hasOwn(metadata, name);
  const faults: Fault[] = serverMembers
    .filter(sent)
    .map((field) => ({ field, fault: 'must not be sent: the server sets it' }));
  if (!sent('client_id') || metadata.client_id !== clientId) {
    faults.push({ field: 'client_id', fault: 'must be the one that is changed' });
  }
  if (sent('client_secret')) {
    const secrets = (await loadClient(db, clientId))?.secrets ?? [];
    const presented = typeof metadata.client_secret === 'string' ? metadata.client_secret : '';
    if (!matchSecret(secrets, presented, now)) {
      faults.push({ field: 'client_secret', fault: 'must be the current one, or left out' });
    }
  }
  return faults;
}
