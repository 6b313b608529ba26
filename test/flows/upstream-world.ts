/** What the tests of signing in with others have in common. */
import { randomUUID } from 'node:crypto';
import { type Agent, formsOf, type Page } from '../harness/agent.ts';
import type { makeAuthority } from '../harness/certificates.ts';
import type { FakeProvider } from '../harness/fake-provider.ts';
import type { SeededClient } from '../harness/seed.ts';
import { authorizeQuery, freshAgent, type World } from './world.ts';

const by = { kind: 'operator' } as const;

type ProviderInput = Parameters<World['rooms']['providers']['create']>[0];

export const outboundTo = (authority: ReturnType<typeof makeAuthority>, ...ports: readonly number[]) => ({
  CARDEA_OUTBOUND_ALLOW: ports.map((port) => `localhost:${port}`).join(','),
  CARDEA_OUTBOUND_CA_FILE: authority.caFile,
});

export async function seedProvider(
  world: World,
  fake: Pick<FakeProvider, 'origin'>,
  more: Partial<ProviderInput> = {},
): Promise<string> {
  const providerId = more.providerId ?? 'corp';
  const made = await world.rooms.providers.create(
    { providerId, name: 'Corp', issuer: fake.origin, clientId: 'cardea-there', ...more },
    'the-secret-there',
    by,
  );
  if (made.kind !== 'stored') throw new Error(JSON.stringify(made));
  await world.rooms.lease.renew();
  return providerId;
}

/** As if the account's holder had connected somebody at a provider; makes the provider when it is not there. */
export async function linkIdentity(world: World, accountId: string): Promise<void> {
  if (!(await world.rooms.providers.find('corp')))
    await seedProvider(world, { origin: 'https://corp.example' });
  await world.rooms.database.db
    .insertInto('upstream_identities')
    .values({
      provider_id: 'corp',
      issuer: 'https://corp.example',
      subject: randomUUID(),
      account_id: accountId,
      email: 'there@corp.example',
      linked_at: new Date(),
      last_used_at: null,
    })
    .execute();
}

/** A browser of nobody, at the sign-in page. */
export async function atSignIn(
  world: World,
  client: SeededClient,
  query: Record<string, string> = {},
  agent: Agent = freshAgent(world),
): Promise<{ agent: Agent; page: Page }> {
  return { agent, page: await agent.follow(await agent.get(authorizeQuery(client, query))) };
}

/** Posts the form of a page whose action ends so, with these fields. */
export async function post(agent: Agent, page: Page, ending: string, fields: Record<string, string> = {}) {
  const form = formsOf(page).find(({ action }) => new URL(action).pathname.endsWith(ending));
  if (!form) throw new Error(`no form to ${ending}: ${page.status} ${page.url}\n${page.text.slice(0, 3000)}`);
  return agent.post(form.action, { ...form.fields, ...fields });
}

/** Where the page that leaves goes. */
export function leavesTo(page: Page): string {
  const url = /^0;url=(.+)$/.exec(page.headers.get('refresh') ?? '')?.[1];
  if (!url) throw new Error(`it stays: ${page.status} ${page.url}\n${page.text.slice(0, 3000)}`);
  return url;
}

/** Out to the provider and back, to whatever page comes then. */
export async function through(
  agent: Agent,
  page: Page,
  fake: FakeProvider,
  providerId = 'corp',
): Promise<Page> {
  const url = leavesTo(await post(agent, page, '/with', { provider: providerId }));
  return agent.follow(await agent.get(fake.grantUrl(url)));
}

/** The text of a page without its tags. */
export const said = (page: Page): string =>
  page.text
    .replace(/<script[\s\S]*?<\/script>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#39;/g, '’')
    .replace(/\s+/g, ' ');

/** The code of the newest mail to that address. */
export async function mailedCode(world: World, to: string): Promise<string> {
  const mail = (await world.rooms.mail.box()).find((one) => one.to === to && /\d{4} \d{4}/.test(one.text));
  const code = /\d{4} \d{4}/.exec(mail?.text ?? '')?.[0];
  if (!code) throw new Error(`no code was mailed to ${to}`);
  return code;
}

/** The code of the answer that ended at the app; undefined when it did not. */
export function codeOf(page: Page): string | undefined {
  return page.location === undefined
    ? undefined
    : (new URL(page.location).searchParams.get('code') ?? undefined);
}
