/** Authenticator apps and recovery codes from the first enrolment on, through the hosted pages. */
import { generateSync } from 'otplib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, formTo, type Page } from '../harness/agent.ts';
import { createAgent, type Person, redirectUri, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import { moveClock } from './clock.ts';
import { authorizeQuery, openWorld, payloadOf, type World } from './world.ts';

const clock = await moveClock();
afterEach(() => clock.reset());

const secretOn = (page: Page): string => {
  const key = /<p class="key"><code[^>]*>([A-Z2-7 ]+)</.exec(page.text)?.[1]?.replaceAll(' ', '');
  if (key === undefined) throw new Error(`no key: ${page.status} ${page.url}\n${page.text}`);
  return key;
};
const codesOn = ({ text }: Page) =>
  [...text.matchAll(/<code>([A-Z]{4}(?:-[A-Z]{4}){2})<\/code>/g)].map(([, code = '']) => code);
const codeNow = (secret: string) => generateSync({ secret, epoch: Math.floor(Date.now() / 1000) });
/** Moves into the next step, whose code nobody has used. */
function nextCode(secret: string): string {
  clock.move(30);
  return codeNow(secret);
}

describe.each([
  ['full', 'on postgres and redis'],
  ['embedded', 'on embedded'],
] as const)('codes with %s: %s', (setup, _title) => {
  let world: World;
  let query: string;
  beforeAll(async () => {
    world = await openWorld(setup, { CARDEA_SECOND_FACTOR: 'required' });
    const verifier = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
    const web = await seedWebClient(world.rooms, { firstParty: true });
    query = authorizeQuery(web, { code_challenge: verifier });
  });
  afterAll(() => world?.close());

  async function afterPassword(person: Person, agent: Agent): Promise<Page> {
    return signIn(agent, await agent.follow(await agent.get(query)), person);
  }
  const submit = async (agent: Agent, page: Page, ending: string, typed: Record<string, string>) => {
    const { action, fields } = formTo(page, ending);
    return agent.follow(await agent.post(action, { ...fields, ...typed }));
  };
  /** To the app page, wherever a choice of ways comes before it. */
  const appPage = async (agent: Agent, page: Page) => {
    const { action } = formTo(page, '/start-over');
    return agent.get(`${action.replace('/start-over', '')}?factor=totp`);
  };
  const isAtClient = ({ location }: Page) => location?.startsWith(redirectUri) && location.includes('code=');

  async function enrol(person: Person): Promise<{ secret: string; codes: readonly string[] }> {
    const agent = createAgent(world.issuer);
    const page = await appPage(agent, await afterPassword(person, agent));
    const secret = secretOn(page);
    const shown = await submit(agent, page, '/enrol', { code: codeNow(secret) });
    expect(isAtClient(await submit(agent, shown, '/go-on', {}))).toBe(true);
    return { secret, codes: codesOn(shown) };
  }

  test('S19 nobody gets in before the factor that policy demands is set up; then its code is asked for', async () => {
    const person = await seedPerson(world.rooms);
    const agent = createAgent(world.issuer);
    const first = await afterPassword(person, agent);
    const page = await appPage(agent, first);
    const secret = secretOn(page);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('content-security-policy')).not.toContain('data:');
    expect(page.text).toMatch(/<svg class="qr" viewBox="0 0 \d+ \d+"/);
    expect(secretOn(await agent.get(page.url))).toBe(secret);
    // Another browser with the password sees a secret of its own, and the one before is void.
    const stranger = createAgent(world.issuer);
    const strange = await appPage(stranger, await afterPassword(person, stranger));
    expect(secretOn(strange)).not.toBe(secret);
    const late = await submit(agent, page, '/enrol', { code: codeNow(secret) });
    expect([late.status, secretOn(late) === secret]).toEqual([422, false]);

    const wrong = await submit(agent, late, '/enrol', { code: '000000' });
    expect([wrong.status, secretOn(wrong)]).toEqual([422, secretOn(late)]);
    expect((await submit(agent, wrong, '/enrol', { code: '' })).status).toBe(422);
    const shown = await submit(agent, wrong, '/enrol', { code: codeNow(secretOn(late)) });
    expect([shown.status, codesOn(shown).length]).toEqual([200, 10]);
    // Replayed, reloaded, skipped: nothing shows them again, and only its own button goes on.
    const { action, fields } = formTo(wrong, '/enrol');
    const again = await agent.post(action, { ...fields, code: codeNow(secretOn(late)) });
    expect([again.status, codesOn(again)]).toEqual([403, []]);
    const reloaded = await agent.get(action.replace('/enrol', ''));
    expect(codesOn(reloaded)).toEqual([]);
    expect(isAtClient(await submit(agent, reloaded, '/go-on', {}))).toBe(true);

    // The stranger still has a page to enrol on: the account has a factor now, and that one is asked for.
    const refused = await submit(stranger, strange, '/enrol', { code: codeNow(secretOn(strange)) });
    expect(refused.status).toBe(403);
    const asked = await stranger.get(formTo(strange, '/enrol').action.replace('/enrol', ''));
    expect(formTo(asked, '/second-factor').fields.factor).toBe('totp');
  });

  test('S18 a code works once, in a second browser or at the same moment neither; from three steps away neither', async () => {
    const person = await seedPerson(world.rooms);
    const { secret } = await enrol(person);
    const agents = [1, 2, 3, 4].map(() => createAgent(world.issuer));
    const pages: Page[] = [];
    for (const agent of agents) pages.push(await afterPassword(person, agent));
    const code = nextCode(secret);
    const answers = await Promise.all(
      agents.map((agent, n) => submit(agent, pages[n] as Page, '/second-factor', { code })),
    );
    expect(answers.filter(isAtClient)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(3);

    const agent = createAgent(world.issuer);
    let page = await afterPassword(person, agent);
    clock.move(300);
    for (const steps of [-3, 3]) {
      const epoch = Math.floor(Date.now() / 1000) + steps * 30;
      page = await submit(agent, page, '/second-factor', { code: generateSync({ secret, epoch }) });
      expect(page.status).toBe(422);
    }
    const done = await submit(agent, page, '/second-factor', { code: codeNow(secret) });
    expect(isAtClient(done)).toBe(true);
  });

  test('S20 a recovery code signs in once; the token tells of both factors', async () => {
    const person = await seedPerson(world.rooms);
    const { codes } = await enrol(person);
    const [code = ''] = codes;
    const agent = createAgent(world.issuer);
    const page = await afterPassword(person, agent);
    const other = await agent.get(`${page.url}?factor=recovery`);
    const done = await submit(agent, other, '/second-factor', { code: code.toLowerCase() });
    expect(isAtClient(done)).toBe(true);
    const again = createAgent(world.issuer);
    const second = await again.get(`${(await afterPassword(person, again)).url}?factor=recovery`);
    expect((await submit(again, second, '/second-factor', { code })).status).toBe(422);
    expect((await world.rooms.factors.held(person.id)).recoveryCodes?.left).toBe(9);

    const web = await seedWebClient(world.rooms, { firstParty: true });
    const redeemed = await world.redeem(await codeOf(world, web, person, codes[1] ?? ''), web);
    expect(payloadOf(redeemed.json.id_token)).toMatchObject({
      acr: 'urn:cardea:acr:2',
      amr: ['pwd', 'recovery', 'mfa'],
    });
  });
});

/** A code flow of a fresh browser by password and recovery code. */
async function codeOf(
  world: World,
  client: Parameters<World['browser']>[0],
  person: Person,
  recoveryCode: string,
) {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
  const agent = createAgent(world.issuer);
  const claims = JSON.stringify({ id_token: { acr: null, amr: null } });
  const url = authorizeQuery(client, {
    claims,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  });
  const page = await signIn(agent, await agent.follow(await agent.get(url)), person);
  const asked = await agent.get(`${page.url}?factor=recovery`);
  const { action, fields } = formTo(asked, '/second-factor');
  const done = await agent.follow(await agent.post(action, { ...fields, code: recoveryCode }));
  return { code: new URL(done.location ?? '').searchParams.get('code') ?? '', verifier };
}
