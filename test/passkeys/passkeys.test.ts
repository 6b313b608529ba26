import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Holder } from '../../src/passkeys/passkey.ts';
import { auditedOf, makeAccount, operator } from '../accounts/rooms.ts';
import { databases, type TestDatabase } from '../clients/databases.ts';
import type { CreationOptions, Lies } from './authenticator.ts';
import { type Cbor, cbor } from './cbor.ts';
import { NETWORK, ORIGIN, openPasskeyRooms, PAGE, type PasskeyRooms } from './rooms.ts';

describe.each(databases)('passkeys on $name', ({ open }) => {
  let database: TestDatabase;
  let rooms: PasskeyRooms;
  beforeAll(async () => {
    database = await open();
    rooms = openPasskeyRooms(database);
  });
  afterAll(async () => {
    await rooms.close();
    await database.close();
  });

  let people = 0;
  const address = () => `person-${++people}@example.com`;
  const holderOf = async (): Promise<Holder> => {
    const email = address();
    return { id: (await makeAccount(rooms, email)).id, email };
  };

  it.each(['ES256', 'RS256', 'EdDSA'] as const)('%s: made, used, audited, told', async (algorithm) => {
    const { account, credential, passkey } = await rooms.person(address(), { algorithm });
    expect(passkey).toMatchObject({
      synced: true,
      transports: ['hybrid', 'internal'],
      lastUsedAt: undefined,
    });
    // Section 14.6.1: what the authenticator knows is not the account's id, and says nothing of it.
    expect(credential.userHandle).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(credential.userHandle, 'base64url').toString()).not.toContain(account.id);
    const outcome = await rooms.use(credential);
    expect(outcome).toMatchObject({
      kind: 'signed-in',
      account: { id: account.id },
      amr: ['pop', 'user', 'mfa'],
      fromAnotherDevice: false,
    });
    expect((await rooms.passkeys.list(account.id))[0]?.lastUsedAt).toBe(rooms.clock.now());
    expect(await auditedOf(rooms, account.id)).toEqual(['account.created', 'passkey.added']);
    expect(rooms.notices.at(-1)).toMatchObject({ kind: 'added', to: account.email });
  });

  it('asks for a verified, discoverable credential without attestation, and names nobody when signing in', async () => {
    const holder = await holderOf();
    expect(await rooms.passkeys.adding.options(holder, PAGE)).toMatchObject({
      rp: { id: 'id.example.com' },
      attestation: 'none',
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ alg, type: 'public-key' })),
    });
    const options = (await rooms.passkeys.signingIn.options(PAGE)) as Record<string, unknown>;
    expect(options).toMatchObject({ rpId: 'id.example.com', userVerification: 'required' });
    expect(options.allowCredentials ?? []).toEqual([]);
  });

  it('one handle an account, also for its later passkeys; they are not made twice on one authenticator', async () => {
    const { holder, credential } = await rooms.person(address());
    const options = await rooms.passkeys.adding.options(holder, PAGE);
    expect(options).toMatchObject({
      user: { id: credential.userHandle },
      excludeCredentials: [{ id: credential.id, type: 'public-key' }],
    });
    const second = await rooms.add(holder);
    expect(second.outcome.kind).toBe('added');
    expect(second.credential.userHandle).toBe(credential.userHandle);
    expect((await rooms.use(second.credential)).kind).toBe('signed-in');
  });

  const wrongPlaces: readonly (readonly [string, Lies])[] = [
    ['a subdomain', { origin: 'https://evil.id.example.com' }],
    ['a sibling domain', { origin: 'https://other.example.com' }],
    ['a look-alike', { origin: 'https://id.examp1e.com' }],
    ['http', { origin: 'http://id.example.com' }],
    ['another port', { origin: 'https://id.example.com:8443' }],
    ['a suffix of the name', { origin: 'https://id.example.com.evil.example' }],
    ['another relying party', { rpId: 'evil.example' }],
    ['the parent domain as relying party', { rpId: 'example.com' }],
    ['a frame of another origin', { crossOrigin: true }],
    ['a frame that names its top', { crossOrigin: true, topOrigin: 'https://evil.example' }],
    ['a top without a frame', { topOrigin: ORIGIN }],
    ['nobody present (UP=0)', { up: false }],
    ['nobody verified (UV=0)', { uv: false }],
    ['backed up although it cannot be (BE=0, BS=1)', { be: false, bs: true }],
    ['another ceremony', { type: 'payment.get' }],
    ['another challenge', { challenge: randomBytes(54).toString('base64url') }],
    ['no challenge of ours', { challenge: 'AAAA' }],
  ];

  it.each(wrongPlaces)('S21 no passkey is used from %s', async (_, lies) => {
    const { account, credential } = await rooms.person(address());
    expect(['rejected', 'stale']).toContain((await rooms.use(credential, lies)).kind);
    expect((await rooms.passkeys.list(account.id))[0]?.lastUsedAt).toBeUndefined();
    expect((await rooms.use(credential)).kind).toBe('signed-in');
  });

  it.each(wrongPlaces)('S21 no passkey is made from %s', async (_, lies) => {
    const holder = await holderOf();
    expect(['rejected', 'stale']).toContain((await rooms.add(holder, lies)).outcome.kind);
    expect(await rooms.passkeys.list(holder.id)).toEqual([]);
  });

  it.each<readonly [string, Lies]>([
    ['an algorithm that was not asked for', { alg: -36 }],
    ['an algorithm that is none', { alg: 0 }],
    ['a statement in format none', { statement: new Map<string, Cbor>([['x', 1]]) }],
    ['a format that needs certificates', { format: 'tpm' }],
    [
      'a packed statement with certificates',
      {
        format: 'packed',
        statement: new Map<string, Cbor>([
          ['alg', -7],
          ['sig', Buffer.of(1)],
          ['x5c', [Buffer.of(1)]],
        ]),
      },
    ],
    [
      'a self-signed statement that does not verify',
      {
        format: 'packed',
        statement: new Map<string, Cbor>([
          ['alg', -7],
          ['sig', Buffer.of(1)],
        ]),
      },
    ],
    ['an unknown format', { format: 'own' }],
    ['another id outside than inside', { id: randomBytes(32).toString('base64url') }],
    ['CBOR that is cut', { bend: (bytes) => bytes.subarray(0, bytes.length - 10) }],
    ['CBOR that nests without end', { bend: () => Buffer.alloc(5_000, 0x81) }],
    ['CBOR that claims four gigabytes', { bend: () => Buffer.from('a163666d747affffffff', 'hex') }],
    ['no map', { bend: () => cbor('none') }],
    ['nothing', { bend: () => Buffer.alloc(0) }],
    ['more than any authenticator sends', { bend: (bytes) => Buffer.concat([bytes, Buffer.alloc(9_000)]) }],
  ])('S21 no passkey is made of %s', async (_, lies) => {
    const holder = await holderOf();
    expect((await rooms.add(holder, lies)).outcome).toEqual({ kind: 'rejected' });
    expect(await rooms.passkeys.list(holder.id)).toEqual([]);
  });

  it.each<readonly [string, Lies]>([
    ['authenticator data that is cut', { bend: (bytes) => bytes.subarray(0, 36) }],
    ['bytes left over', { bend: (bytes) => Buffer.concat([bytes, Buffer.of(0)]) }],
    [
      'a flag turned afterwards',
      { bend: (bytes) => Buffer.from(bytes.map((byte, n) => (n === 32 ? byte ^ 0x10 : byte))) },
    ],
    ['a backup eligibility that has changed (BE)', { be: false, bs: false }],
    ['another account’s handle', { userHandle: randomBytes(32).toString('base64url') }],
    ['no handle', { userHandle: '' }],
  ])('S21 no passkey is used with %s', async (_, lies) => {
    const { credential } = await rooms.person(address());
    expect((await rooms.use(credential, lies)).kind).toBe('rejected');
  });

  it('S21 the id of another person’s credential, or their handle, signs nobody in', async () => {
    const ada = await rooms.person(address());
    const eve = await rooms.person(address());
    for (const lies of [
      { id: ada.credential.id },
      { userHandle: ada.credential.userHandle },
      { id: ada.credential.id, userHandle: ada.credential.userHandle },
    ]) {
      expect(await rooms.use(eve.credential, lies)).toEqual({ kind: 'rejected' });
    }
    expect((await rooms.passkeys.list(ada.account.id))[0]?.lastUsedAt).toBeUndefined();
  });

  it('S21 a credential is one account’s: registered again, by it or by another, it is refused', async () => {
    const ada = await rooms.person(address());
    const eve = await holderOf();
    expect((await rooms.add(eve, {}, 'ES256', ada.credential)).outcome).toEqual({ kind: 'known' });
    expect((await rooms.add(ada.holder, {}, 'ES256', ada.credential)).outcome).toEqual({ kind: 'known' });
    expect(await rooms.use(ada.credential)).toMatchObject({
      kind: 'signed-in',
      account: { id: ada.account.id },
    });
    // Another key under the same id does not take its place.
    const other = await rooms.add(eve);
    const stolen = { ...other.credential, id: ada.credential.id };
    expect((await rooms.add(eve, {}, 'ES256', stolen)).outcome).toEqual({ kind: 'known' });
  });

  it('S21 a challenge works once, in its own page, for its own purpose and holder, and not too late', async () => {
    const { account, holder, credential } = await rooms.person(address());
    const { signingIn, adding } = rooms.passkeys;
    const ask = async () => (await signingIn.options(PAGE)) as { challenge: string };
    const send = (response: string, bound = PAGE) => signingIn.signIn({ bound, response, network: NETWORK });

    const once = rooms.authenticator.get(await ask(), credential);
    expect((await send(once)).kind).toBe('signed-in');
    expect(await send(once)).toEqual({ kind: 'stale' });

    const elsewhere = rooms.authenticator.get(await ask(), credential);
    expect(await send(elsewhere, 'page-of-another-browser')).toEqual({ kind: 'stale' });

    const toAdd = (await adding.options(holder, PAGE)) as CreationOptions;
    expect(await send(rooms.authenticator.get(toAdd, credential))).toEqual({ kind: 'stale' });
    const another = await holderOf();
    const forAnother = rooms.authenticator.create(toAdd).response;
    const adds = (by: Holder, response: string) =>
      adding.add({ holder: by, bound: PAGE, response, by: rooms.by(by.id) });
    expect(await adds(another, forAnother)).toEqual({ kind: 'stale' });
    const toSignIn = { ...toAdd, ...(await ask()) };
    expect(await adds(holder, rooms.authenticator.create(toSignIn).response)).toEqual({ kind: 'stale' });

    // Refused for another reason, it is used up all the same.
    const options = await ask();
    const refused = rooms.authenticator.get(options, credential, { uv: false });
    expect((await send(refused)).kind).toBe('rejected');
    expect(await send(rooms.authenticator.get(options, credential))).toEqual({ kind: 'stale' });

    const late = rooms.authenticator.get(await ask(), credential);
    rooms.clock.advance(301);
    expect(await send(late)).toEqual({ kind: 'stale' });
    expect(await auditedOf(rooms, account.id)).not.toContain('passkey.counter-went-back');
  });

  it('S21 one challenge sent 20 times at once signs in once', async () => {
    const { credential } = await rooms.person(address());
    const options = (await rooms.passkeys.signingIn.options(PAGE)) as { challenge: string };
    const response = rooms.authenticator.get(options, credential);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        rooms.passkeys.signingIn.signIn({ bound: PAGE, response, network: NETWORK }),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === 'signed-in')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'stale')).toHaveLength(19);
  });

  it('S21 a counter that does not grow is refused, recorded and told; 0 for ever is an authenticator without one', async () => {
    const counting = await rooms.person(address(), { lies: { counter: 5, be: false, bs: false } });
    const device = { be: false, bs: false };
    expect((await rooms.use(counting.credential, { ...device, counter: 6 })).kind).toBe('signed-in');
    for (const counter of [6, 5, 0]) {
      expect(await rooms.use(counting.credential, { ...device, counter })).toEqual({ kind: 'rejected' });
      expect(rooms.notices.at(-1)).toMatchObject({ kind: 'counter-went-back', to: counting.account.email });
    }
    expect(await auditedOf(rooms, counting.account.id)).toContain('passkey.counter-went-back');
    expect((await rooms.use(counting.credential, { ...device, counter: 7 })).kind).toBe('signed-in');

    const two = await Promise.all(
      [8, 8].map((counter) => rooms.use(counting.credential, { ...device, counter })),
    );
    expect(two.map(({ kind }) => kind).sort()).toEqual(['rejected', 'signed-in']);

    const synced = await rooms.person(address());
    for (let times = 0; times < 3; times += 1) {
      expect((await rooms.use(synced.credential, { counter: 0 })).kind).toBe('signed-in');
    }
    // The largest that 32 bits hold.
    expect((await rooms.use(synced.credential, { counter: 0xffff_ffff })).kind).toBe('signed-in');
  });

  it('S12 unknown, removed, disabled and deleted are one answer, and only what is unknown may be forgotten', async () => {
    const disabled = await rooms.person(address());
    await rooms.accounts.disable(disabled.account.id, operator);
    const removed = await rooms.person(address(), { password: 'correct horse battery staple' });
    await rooms.passkeys.remove(removed.account.id, removed.passkey.id, rooms.by(removed.account.id));
    const deleted = await rooms.person(address());
    await rooms.accounts.delete(deleted.account.id, operator);
    expect(await rooms.use(disabled.credential)).toEqual({ kind: 'rejected' });
    for (const { credential } of [removed, deleted]) {
      expect(await rooms.use(credential)).toEqual({ kind: 'rejected', unknown: credential.id });
    }
    await rooms.accounts.enable(disabled.account.id, operator);
    expect((await rooms.use(disabled.credential)).kind).toBe('signed-in');
  });

  it('an account that is disabled or gone meanwhile gets no passkey', async () => {
    const holder = await holderOf();
    await rooms.accounts.disable(holder.id, operator);
    expect((await rooms.add(holder)).outcome).toEqual({ kind: 'rejected' });
    await rooms.accounts.delete(holder.id, operator);
    expect((await rooms.add(holder)).outcome).toEqual({ kind: 'rejected' });
  });

  it('names: one clean line, cut at 60; nothing gives its own back; only the holder names it', async () => {
    const { account, passkey } = await rooms.person(address());
    const rename = (name: string, id = account.id) =>
      rooms.passkeys.rename(id, passkey.id, name, rooms.by(account.id));
    expect((await rename('  My\u202E phone\n'))?.name).toBe('My phone');
    expect((await rename('x'.repeat(100)))?.name).toBe('x'.repeat(60));
    expect((await rename(' \t '))?.name).toBeUndefined();
    const eve = await makeAccount(rooms, address());
    expect(await rename('Eve’s', eve.id)).toBeUndefined();
    expect(await rooms.passkeys.remove(eve.id, passkey.id, rooms.by(eve.id))).toEqual({ kind: 'absent' });
    expect(await rooms.passkeys.count(account.id)).toBe(1);
  });

  it('the last way in is not removed: one passkey without a password stays, of two removed at once one stays', async () => {
    const { account, holder, passkey } = await rooms.person(address());
    const remove = (id: string) => rooms.passkeys.remove(account.id, id, rooms.by(account.id));
    expect(await remove(passkey.id)).toEqual({ kind: 'last' });
    const second = (await rooms.add(holder)).outcome;
    if (second.kind !== 'added') throw new Error(second.kind);
    const both = await Promise.all([remove(passkey.id), remove(second.passkey.id)]);
    expect(both.map(({ kind }) => kind).sort()).toEqual(['last', 'removed']);
    await rooms.accounts.setPassword(account.id, 'correct horse battery staple', operator);
    const [left] = await rooms.passkeys.list(account.id);
    expect(await remove(left?.id ?? '')).toEqual({ kind: 'removed' });
    expect(await remove(left?.id ?? '')).toEqual({ kind: 'absent' });
    expect(rooms.notices.at(-1)).toMatchObject({ kind: 'removed', to: account.email });
  });

  it('at most 20 a person, also when they come at once', async () => {
    const holder = await holderOf();
    const all = await Promise.all(Array.from({ length: 22 }, () => rooms.add(holder)));
    expect(all.filter(({ outcome }) => outcome.kind === 'full')).toHaveLength(2);
    expect(await rooms.passkeys.count(holder.id)).toBe(20);
  });

  it('a sign-up makes its passkey before there is an account', async () => {
    const email = address();
    const signUp: Holder = { id: 'sign-up-of-this-test', email };
    const { adding } = rooms.passkeys;
    const options = (await adding.options(signUp, PAGE)) as CreationOptions;
    const { response, credential } = rooms.authenticator.create(options);
    const prepared = await adding.prepare({ holder: signUp, bound: PAGE, response });
    if (prepared.kind !== 'verified') throw new Error(prepared.kind);
    const account = await makeAccount(rooms, email);
    const { passkey } = prepared;
    const outcome = await rooms.db
      .transaction()
      .execute((trx) => adding.insert(trx, { accountId: account.id, passkey, by: rooms.by(account.id) }));
    expect(outcome.kind).toBe('added');
    expect(await rooms.use(credential)).toMatchObject({ kind: 'signed-in', account: { id: account.id } });
    // Later ones of the account go by the same handle.
    expect(await adding.options({ id: account.id, email }, PAGE)).toMatchObject({
      user: { id: credential.userHandle },
    });
  });

  it('a phone that signs in through this screen is told apart from a security key and from this device', async () => {
    const phone = await rooms.person(address());
    const key = await rooms.person(address(), { lies: { transports: ['usb', 'nfc'], be: false, bs: false } });
    expect(await rooms.use(phone.credential, { attachment: 'cross-platform' })).toMatchObject({
      fromAnotherDevice: true,
    });
    expect(
      await rooms.use(key.credential, { attachment: 'cross-platform', be: false, bs: false }),
    ).toMatchObject({ kind: 'signed-in', fromAnotherDevice: false });
  });

  it('another relying party id makes earlier passkeys useless, and counts them', async () => {
    const ada = await rooms.person(address(), { password: 'correct horse battery staple' });
    const moved = openPasskeyRooms(database, { rpId: 'example.com' });
    const before = await rooms.passkeys.elsewhere();
    expect(before.count).toBe(0);
    const found = await moved.passkeys.elsewhere();
    expect(found.count).toBeGreaterThan(0);
    expect(found.rpIds).toEqual(['id.example.com']);
    expect(await moved.passkeys.count(ada.account.id)).toBe(0);
    expect((await moved.use(ada.credential, { rpId: 'example.com' })).kind).toBe('rejected');
    expect(await moved.passkeys.list(ada.account.id)).toHaveLength(1);
    await moved.close();
  });

  it('what fails is bounded by network; what is right costs nothing of it', async () => {
    const small = openPasskeyRooms(database, {
      limit: { limit: 3, windowSeconds: 900 },
      network: '192.0.2.77',
    });
    const { credential } = await small.person(address());
    for (let times = 0; times < 5; times += 1) expect((await small.use(credential)).kind).toBe('signed-in');
    for (let times = 0; times < 3; times += 1) {
      expect((await small.use(credential, { uv: false })).kind).toBe('rejected');
    }
    expect(await small.use(credential)).toMatchObject({
      kind: 'locked',
      retryAfterSeconds: expect.any(Number),
    });
    await small.close();
  });

  it.each(['', '{}', '[]', 'null', '{"id":', `{"id":"${'A'.repeat(20_000)}"}`, '{"__proto__":{"id":"x"}}'])(
    'nonsense is refused: %.20s',
    async (response) => {
      const holder = await holderOf();
      const { signingIn, adding } = rooms.passkeys;
      expect(await signingIn.signIn({ bound: PAGE, response, network: NETWORK })).toEqual({
        kind: 'rejected',
      });
      expect(await adding.add({ holder, bound: PAGE, response, by: rooms.by(holder.id) })).toEqual({
        kind: 'rejected',
      });
    },
  );
});
