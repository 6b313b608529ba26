/** A storm of wrong passwords from one network: what its strangers must prove, and that nobody honest stays outside. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain } from '../../src/protocol/explanation.ts';
import { createProofFront } from '../../src/wiring-abuse.ts';
import { type Agent, createAgent, type Form, formTo } from '../harness/agent.ts';
import { type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { solve } from '../throttle/solve.ts';
import { moveClock } from './clock.ts';
import { authorizeQuery, openWorld, type World } from './world.ts';

const wrong = 'not the password';
const clock = await moveClock();

describe.each(['full', 'embedded'] as const)('on %s', (setup) => {
  let world: World;
  let client: SeededClient;
  let networks = 0;

  beforeAll(async () => {
    world = await openWorld(setup, {
      CARDEA_LIMIT_SIGN_IN_PER_NETWORK: '8/15m',
      CARDEA_TRUSTED_PROXIES: '127.0.0.0/8',
    });
    client = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(async () => {
    clock.reset();
    await world?.close();
  });

  /** A browser as its network says it is. */
  const agentFrom = (network: string): Agent =>
    createAgent(world.issuer, [], (target, init) => {
      const headers = new Headers(init.headers);
      headers.set('x-forwarded-for', network);
      return fetch(target, { ...init, headers });
    });
  const open = async (agent: Agent) =>
    formTo(await agent.follow(await agent.get(authorizeQuery(client))), '/sign-in');
  const send = (agent: Agent, { action, fields }: Form, more: Record<string, string>) =>
    agent.post(action, { ...fields, ...more });
  const challengeOf = (form: Form) => {
    const challenge = form.fields.challenge ?? '';
    return { challenge, bits: Number(challenge.split('.')[2]) };
  };
  const solved = (form: Form) => ({
    challenge: form.fields.challenge ?? '',
    answer: solve(challengeOf(form)),
  });
  const hashes = () => world.rooms.passwords.computedCount();

  /** A network of its own from which half of what it may try has failed. */
  const underPressure = async () => {
    networks += 1;
    const network = `198.51.100.${networks}`;
    const forms = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const agent = agentFrom(network);
        return { agent, form: await open(agent) };
      }),
    );
    for (const [n, { agent, form }] of forms.entries()) {
      expect(form.fields.challenge).toBeUndefined();
      const answer = await send(agent, form, {
        email: `storm-${networks}-${n}@example.com`,
        password: wrong,
      });
      expect(answer.status).toBe(422);
    }
    return network;
  };

  test('without a proof nothing is hashed or counted; with one the right password signs in, and it works once', async () => {
    const network = await underPressure();
    const person = await seedPerson(world.rooms);
    const typed = { email: person.email, password: person.password };
    const agent = agentFrom(network);
    const form = await open(agent);
    expect(challengeOf(form).bits).toBeGreaterThan(16);
    const before = hashes();
    /** What an operator is told of a refused page. */
    const told = async ({ text }: { text: string }) => {
      const reference = /Reference ([0-9A-Z]{4}-[0-9A-Z]{4})/.exec(text)?.[1] ?? '';
      const refusal = await world.rooms.refusals.find(reference);
      if (!refusal) return undefined;
      expect(JSON.stringify(refusal)).not.toContain(person.email);
      expect(refusal).toMatchObject({ kind: 'page', rule: 'RFC 6585 section 4', network });
      expect(refusal.received).toMatch(/^POST \/interaction\/\S+\/?\S*: (none|one that)/);
      expect(explain(refusal, undefined, []).mend.text).toContain('Sending the page');
      return refusal.error;
    };
    const refused = await send(agent, form, typed);
    expect(await told(refused)).toBe('proof_of_work_missing');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.text).toContain(`value="${person.email}"`);
    expect(refused.text).not.toContain(person.password);
    for (const more of [
      { answer: '1' },
      { answer: '' },
      { challenge: '', answer: '' },
      { challenge: 'x', answer: '1' },
    ]) {
      expect((await send(agent, form, { ...typed, ...more })).status).toBe(429);
    }
    expect(hashes()).toBe(before);
    const proof = solved(form);
    // A solution is this browser's, this network's and this page's.
    const stranger = agentFrom(network);
    const theirs = await open(stranger);
    const foreign = await send(stranger, theirs, { ...typed, ...proof });
    expect([foreign.status, await told(foreign)]).toEqual([429, 'proof_of_work_wrong']);
    expect(hashes()).toBe(before);
    const own = solved(theirs);
    expect(
      (await send(stranger, theirs, { email: 'nobody@example.com', password: wrong, ...own })).status,
    ).toBe(422);
    const again = await send(stranger, theirs, { ...typed, ...own });
    expect([again.status, await told(again)]).toEqual([429, 'proof_of_work_used']);
    const at = hashes();
    expect((await send(agent, form, { ...typed, ...proof })).status).toBe(303);
    expect(hashes()).toBe(at + 1);
  });

  /** The same browser in another network, which nothing is asked of. */
  const agentFromSame = (agent: Agent, network: string) =>
    createAgent(world.issuer, agent.cookies, (target, init) => {
      const headers = new Headers(init.headers);
      headers.set('x-forwarded-for', network);
      return fetch(target, { ...init, headers });
    });

  test('the hard limit stays: proofs buy no more tries than it has', async () => {
    const network = await underPressure();
    const agent = agentFrom(network);
    const form = await open(agent);
    for (let n = 0; n < 4; n += 1) await world.rooms.throttle.check({ account: `more-${n}`, network });
    // The least work that there is, so that the test need not do the most.
    const about = { purpose: 'sign-in', form: form.fields.csrf ?? '', network };
    const terms = world.rooms.proofOfWork.issue(about, 0);
    const before = hashes();
    const last = await send(agent, form, {
      email: 'one@example.com',
      password: wrong,
      challenge: terms.challenge,
      answer: solve(terms),
    });
    expect([last.status, hashes() - before]).toEqual([429, 0]);
    expect(last.text).toContain('There were too many tries.');
  });

  test('without scripting a mailed code does; S12 strangers see the same for known and unknown addresses', async () => {
    const network = await underPressure();
    const person = await seedPerson(world.rooms);
    const ask = async (email: string) => {
      const agent = agentFrom(network);
      const form = await open(agent);
      const action = form.action.replace(/sign-in$/, 'proof-code');
      const page = await agent.post(action, { ...form.fields, email });
      return { agent, page };
    };
    const masked = (text: string, email: string) =>
      text.replaceAll(email, 'EMAIL').replace(/interaction\/[\w-]+|visit=[\w-]+|value="[\w.-]{43,}"/g, '');
    const nobody = `no-${person.email}`;
    const [mine, theirs] = [await ask(person.email), await ask(nobody)];
    expect(mine.page.status).toBe(200);
    expect(masked(mine.page.text, person.email)).toBe(masked(theirs.page.text, nobody));
    const mails = (await world.rooms.mail.box()).filter(({ to }) => to === person.email || to === nobody);
    expect(mails.map(({ to }) => to)).toEqual([person.email]);
    const code = /\b\d{4} \d{4}\b/.exec(mails[0]?.text ?? '')?.[0] ?? '';

    const before = hashes();
    const form = formTo(mine.page, '/sign-in');
    const typed = { email: person.email, password: person.password };
    for (const more of [{}, { 'proof-code': '0000 0000' }, { 'proof-code': code, email: nobody }]) {
      expect([429, 422]).toContain((await send(mine.agent, form, { ...typed, ...more })).status);
    }
    // The code of one page is wrong on another.
    const other = formTo(theirs.page, '/sign-in');
    expect((await send(theirs.agent, other, { ...typed, 'proof-code': code })).status).toBe(422);
    expect(hashes()).toBe(before);
    expect((await send(mine.agent, form, { ...typed, 'proof-code': code })).status).toBe(303);
    expect((await send(mine.agent, form, { ...typed, 'proof-code': code })).status).toBe(422);
  });

  test('a browser that the account knows is asked nothing; nobody is, once the window is over', async () => {
    const person = await seedPerson(world.rooms);
    const typed = { email: person.email, password: person.password };
    const quiet = agentFrom('203.0.113.77');
    const first = await send(quiet, await open(quiet), typed);
    expect(first.status).toBe(303);
    await quiet.follow(first);
    const network = await underPressure();
    const known = agentFromSame(quiet, network);
    const again = formTo(
      await known.follow(await known.get(authorizeQuery(client, { prompt: 'login' }))),
      '/sign-in',
    );
    expect(again.fields.challenge).toBeUndefined();
    expect((await send(known, again, typed)).status).toBe(303);
    // Its cookie opens nothing for another account.
    const other = formTo(
      await known.follow(await known.get(authorizeQuery(client, { prompt: 'login' }))),
      '/sign-in',
    );
    const before = hashes();
    const refused = await send(known, other, { email: 'nobody@example.com', password: wrong });
    expect([refused.status, hashes() - before]).toEqual([429, 0]);
    expect(formTo(refused, '/sign-in').fields.challenge).toBeTruthy();
    clock.move(901);
    expect((await open(agentFrom(network))).fields.challenge).toBeUndefined();
    clock.reset();
  });

  test('a full queue before the hashing asks it of every network, as many as strangers may fill of it', async () => {
    const { queueLength } = world.rooms.settings.argon2;
    const places = Math.max(1, Math.floor((queueLength * 3) / 4));
    const demandAt = (depth: number) =>
      createProofFront({
        ...world.rooms,
        passwords: { ...world.rooms.passwords, depth: () => depth },
      })?.demand('sign-in', '203.0.113.200');
    const half = Math.ceil(places / 2);
    expect(await demandAt(half - 1)).toBeUndefined();
    expect(await demandAt(half)).toMatchObject({ pressure: 0 });
    const full = await demandAt(places);
    expect(full?.pressure).toBe(1);
    expect(full?.retryAfterSeconds).toBe(world.rooms.settings.argon2.queueSeconds);
  });

  test('S11 a page that was open for long is renewed in place; what is no form of ours is refused', async () => {
    const network = await underPressure();
    const agent = agentFrom(network);
    const form = await open(agent);
    const csrf = form.fields.csrf ?? '';
    clock.move(301);
    const person = await seedPerson(world.rooms);
    const typed = { email: person.email, password: person.password };
    const late = await send(agent, form, { ...typed, ...solved(form) });
    const reference = /Reference ([0-9A-Z-]{9})/.exec(late.text)?.[1] ?? '';
    expect([late.status, (await world.rooms.refusals.find(reference))?.error]).toEqual([
      429,
      'proof_of_work_outdated',
    ]);
    const renewed = await agent.post('/proof', { csrf, purpose: 'sign-in' });
    expect(renewed.headers.get('cache-control')).toBe('no-store');
    const terms = JSON.parse(renewed.text) as { challenge: string; bits: number };
    const proof = { challenge: terms.challenge, answer: solve(terms) };
    expect((await send(agent, form, { ...typed, ...proof })).status).toBe(303);
    for (const fields of [{}, { csrf }, { csrf, purpose: 'x' }, { csrf: 'x', purpose: 'sign-in' }] as Record<
      string,
      string
    >[]) {
      expect((await agent.post('/proof', fields)).status).toBe(422);
    }
    const foreign = await agent.post(
      '/proof',
      { csrf, purpose: 'sign-in' },
      { 'sec-fetch-site': 'cross-site' },
    );
    expect(foreign.status).toBe(403);
    expect(
      JSON.parse((await agentFrom('203.0.113.5').post('/proof', { csrf, purpose: 'sign-in' })).text),
    ).toEqual({});
    clock.reset();
  });
});
