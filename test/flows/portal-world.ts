/** Ways into the portal, for every test of its pages. */
import type { Agent, Page } from '../harness/agent.ts';
import { createAgent, type Person, signIn } from '../harness/seed.ts';
import type { World } from './world.ts';

/** A browser that has come to the portal through the front door, and the page that it sees. */
export async function enter(
  world: World,
  person: Person = world.person,
  path = '/account',
): Promise<{ agent: Agent; page: Page }> {
  const agent = createAgent(world.issuer);
  const page = await signIn(agent, await agent.follow(await agent.get(path)), person);
  if (page.status !== 200) throw new Error(`no way in: ${page.status} ${page.url}\n${page.text}`);
  return { agent, page };
}

/** What the answer asks of the front door; undefined when it leads anywhere else. */
export function frontDoorOf(page: Page): URLSearchParams | undefined {
  const url = page.location === undefined ? undefined : new URL(page.location);
  return url?.pathname === '/oauth2/authorize' ? url.searchParams : undefined;
}
