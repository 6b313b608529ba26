/** Something in every table that names an account: what a person who uses all there is leaves behind. */

import { sql } from 'kysely';
import { generateSync } from 'otplib';
import { insertPasskey } from '../../src/passkeys/passkey-store.ts';
import { insertIdentity } from '../../src/upstream/identities-store.ts';
import { type Person, seedWebClient } from '../harness/seed.ts';
import type { World } from './world.ts';

export const codeNow = (secret: string) => generateSync({ secret, epoch: Math.floor(Date.now() / 1000) });

/**
 * Before the person's last sign-in, which then needs the app's code.
 * @returns the app's secret, and whatever else must not be in the archive
 */
export async function leaveTraces(
  world: World,
  person: Person,
): Promise<{ secret: string; secrets: string[] }> {
  const { rooms } = world;
  const { db } = rooms.database;
  const by = { actor: { kind: 'account', id: person.id }, network: '192.0.2.7', requestId: 'r' } as const;
  const secrets: string[] = [];

  // A browser that was signed out, an app that is told of it, and an app whose access was taken.
  const [ended, taken] = [
    await seedWebClient(rooms, { name: 'Ended', backchannelLogoutUri: 'https://app.example.com/out' }),
    await seedWebClient(rooms, { name: 'Taken' }),
  ];
  const browser = world.browser(ended, person);
  await world.redeem(await browser.code('openid offline_access'), ended);
  const [session] = await rooms.browserSessions.list(person.id);
  await rooms.browserSessions.end(person.id, session?.id ?? '', by);
  await world.redeem(await world.browser(taken, person).code('openid offline_access'), taken);
  await rooms.consents.withdraw(person.id, taken.clientId, by);

  const role = { audience: 'https://api.example.com', name: 'reader' };
  await rooms.roles.create(role, by);
  await rooms.roles.grant(person.id, { audience: role.audience, role: role.name }, by);

  await db
    .insertInto('upstream_providers')
    .values({
      provider_id: 'corp',
      name: 'Corp',
      settings: '{}',
      created_at: new Date(),
      updated_at: new Date(),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const key = { providerId: 'corp', issuer: 'https://corp.example', subject: `s-${person.id}` };
  await insertIdentity(db, key, { accountId: person.id, email: person.email, at: Date.now(), used: true });
  await insertPasskey(db, {
    accountId: person.id,
    // Of an earlier name of this installation: kept, and not asked for at the sign-in.
    rpId: 'earlier.example',
    passkey: {
      credentialId: `credential-${person.id}`,
      userHandle: `handle-${person.id}`,
      publicKey: Buffer.from('a public key').toString('base64url'),
      signCount: 3,
      transports: ['internal'],
      backupEligible: true,
      backedUp: true,
      aaguid: '00000000-0000-0000-0000-000000000000',
    },
    name: 'Old phone',
    at: Date.now(),
  });
  rooms.refusals.record({
    kind: 'page',
    rule: 'a rule',
    error: 'an error',
    expected: 'this',
    received: 'that',
    accountId: person.id,
    network: by.network,
    requestId: by.requestId,
  });
  await rooms.refusals.flush();
  await rooms.emailChange.ask(person.id, `next-${person.email}`, by, 'en');

  const at = { accountId: person.id, place: 'test', isStrong: false };
  const begun = await rooms.factors.begin(at);
  if (begun.kind !== 'begun') throw new Error(begun.kind);
  const secret = begun.enrolment.key.replaceAll(' ', '');
  const added = await rooms.factors.confirm(at, { code: codeNow(secret), name: 'Phone' }, by);
  if (added.kind !== 'added') throw new Error(added.kind);
  secrets.push(secret, ...(added.recoveryCodes ?? []));
  for (const { text } of await rooms.mail.box()) secrets.push(...(text.match(/\/link\/[\w-]{20,}/g) ?? []));
  return { secret, secrets };
}

/** How many rows of the account a table has. */
export async function rowsOf(world: World, table: string, accountId: string): Promise<number> {
  const column = table === 'accounts' ? 'id' : 'account_id';
  const { rows } = await sql<{ n: string }>`
    select count(*) as n from ${sql.table(table)} where ${sql.ref(column)} = ${accountId}`.execute(
    world.rooms.database.db,
  );
  return Number(rows[0]?.n);
}
