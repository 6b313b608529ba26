/** The same people, clients and API in Cardea's stores, and limits that are counted as ever but refuse nobody. */
import { randomBytes } from 'node:crypto';
import { createLog } from '../src/observability/log.ts';
import { openRooms } from '../src/rooms.ts';
import { masterKeysOf } from '../src/server.ts';
import { type Person, redirectUri, seedApi, seedClient, seedPerson } from '../test/harness/seed.ts';
import { settingsOf } from '../test/harness/server.ts';
import { resource, type Scene } from './bare-scene.ts';

/** Wide enough never to be met, so that the limits are counted as ever and refuse nobody. */
export const wideLimits: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'SIGN_IN_PER_ACCOUNT',
    'SIGN_IN_PER_NETWORK',
    'SIGN_IN_PER_ACCOUNT_AND_NETWORK',
    'SIGN_IN_PER_DEVICE',
    'TOKEN_PER_NETWORK',
    'TOKEN_PER_CLIENT',
    'AUTHORIZE_PER_NETWORK',
    'INTROSPECT_PER_NETWORK',
    'PAGES_PER_NETWORK',
    'MAIL_PER_ACCOUNT',
    'ASKED_MAIL_PER_ADDRESS',
    'ASKED_MAIL_PER_NETWORK',
    'ASKED_MAIL',
  ].map((name) => [`CARDEA_LIMIT_${name}`, '100000000/1m']),
);

/** Makes everybody in Cardea's stores, through the rooms as the command line does. */
export async function seedScene(
  environment: Readonly<Record<string, string>>,
  people: number,
): Promise<Scene> {
  const settings = settingsOf({ CARDEA_ISSUER: 'http://localhost:3000', ...environment });
  const log = createLog({ level: 'warn', pretty: false });
  const rooms = await openRooms({ settings, masterKeys: masterKeysOf(settings), log, applyMigrations: true });
  try {
    await seedApi(rooms, resource);
    const service = await seedClient(rooms, { name: 'Billing', type: 'service', resources: [resource] });
    const web = await seedClient(rooms, {
      name: 'Orders',
      type: 'web',
      redirectUris: [redirectUri],
      resources: [resource],
      exchange: [{ audience: resource, mode: 'impersonation' }],
    });
    const tv = await seedClient(rooms, { name: 'Orders TV', type: 'device' });
    const made: Person[] = [];
    for (let n = 0; n < people; n += 1) {
      made.push(await seedPerson(rooms, `ada-${randomBytes(4).toString('hex')}@example.com`));
    }
    return { service, web, tv, people: made };
  } finally {
    await rooms.close();
  }
}
