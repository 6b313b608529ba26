/** Builds the rooms of clients: who they are, how they register, what they publish, and the APIs that they call. */
import type { Kysely } from 'kysely';
import type { Consents } from './accounts/consents.ts';
import type { Roles } from './accounts/roles.ts';
import type { Audit } from './audit/audit.ts';
import { createClientDocuments } from './clients/client-documents.ts';
import { createClients } from './clients/clients.ts';
import { createClientDirectory } from './clients/directory.ts';
import { readPublishedJwks } from './clients/jwks-rules.ts';
import { createRegistrationTokens } from './clients/registration-tokens.ts';
import { createRegistrations } from './clients/registrations.ts';
import { createRemoteDocuments } from './clients/remote-documents.ts';
import { createResourceServers } from './clients/resource-servers.ts';
import { checkingSectors } from './clients/sector-check.ts';
import { createSubjects } from './clients/subjects.ts';
import type { Clock } from './config/clock.ts';
import type { Settings } from './config/settings.ts';
import type { Keys } from './keys/keys.ts';
import type { Log } from './observability/log.ts';
import type { Outbound } from './outbound/outbound.ts';
import type { Lease } from './storage/changes.ts';
import type { InstanceSecrets } from './storage/random-secrets.ts';
import type { Database } from './storage/tables.ts';

interface Needs {
  readonly settings: Settings;
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: Audit;
  readonly lease: Lease;
  readonly keys: Pick<Keys, 'ensureAlgorithm'>;
  readonly secrets: Pick<InstanceSecrets, 'get'>;
  readonly outbound: Pick<Outbound, 'send'>;
  readonly roles: Pick<Roles, 'forgetClient'>;
  readonly consents: Pick<Consents, 'forgetClient'>;
  /** What has to be closed, as soon as it is there. */
  readonly closing: (close: () => Promise<void> | void) => void;
}

export async function openClientRooms({
  settings,
  keys,
  secrets,
  outbound,
  roles,
  consents,
  closing,
  ...parts
}: Needs) {
  const { db, clock, log, audit, lease } = parts;
  const { lifetimes } = settings;
  const { ensureAlgorithm } = keys;
  const clients = checkingSectors(
    createClients({
      db,
      clock,
      audit,
      lifetimes,
      ensureAlgorithm,
      mutualTls: settings.mutualTls,
      forget: async (trx, clientId) => {
        await roles.forgetClient(trx, clientId);
        await consents.forgetClient(trx, clientId);
      },
    }),
    outbound.send,
  );
  const registrations = createRegistrations({ db, clock, log, clients, lifetimes, ...settings.registration });
  closing(registrations.close);
  const directory = createClientDirectory({ db, clock, lease, log });
  closing(directory.close);
  return {
    clients,
    subjectOf: createSubjects(await secrets.get('pairwise-salt')),
    registrationTokens: createRegistrationTokens({ db, clock, audit }),
    registrations,
    directory,
    clientDocuments:
      settings.clientDocuments &&
      createClientDocuments({
        db,
        clock,
        log,
        clients,
        directory,
        send: outbound.send,
        settings: settings.clientDocuments,
        outboundAllow: settings.outbound.allow,
        max: settings.registration.max,
      }),
    keySets: createRemoteDocuments({ send: outbound.send, clock, parse: readPublishedJwks }),
    resources: createResourceServers({ db, clock, audit, lease, ensureAlgorithm }),
  };
}
