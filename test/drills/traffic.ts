/**
 * People and services at work while things break: each actor signs in once, then goes through authorize, code, refresh,
 * userinfo, introspection and revocation, tries again as a decent client does, and writes down what it was told.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type Agent, createAgent, type Page } from '../harness/agent.ts';
import { redeemForm } from '../harness/codes.ts';
import { authorize, redirectUri } from '../harness/seed.ts';
import { basic } from '../harness/two.ts';
import type { Ledger } from './ledger.ts';
import {
  askToken,
  type Caller,
  clientCredentials,
  createCaller,
  isAnswer,
  jsonOf,
  keepGoing,
} from './load.ts';
import type { World } from './world.ts';

export interface Traffic {
  readonly caller: Caller;
  stop(): Promise<void>;
}

interface Actor {
  readonly agent: Agent;
  refreshToken?: string;
  accessToken?: string;
  /** Its last refresh got no answer: the same again comes first. */
  inDoubt?: boolean;
}

const verifier = randomBytes(32).toString('base64url');
const challenge = createHash('sha256').update(verifier).digest('base64url');

export function authorizeUrl(world: World, scope = 'openid offline_access'): string {
  const query = new URLSearchParams({
    client_id: world.seeds.web.clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  });
  return `${world.issuer}/oauth2/authorize?${query}`;
}

export async function signedInAgent(world: World): Promise<Agent> {
  for (let tries = 1; ; tries += 1) {
    const agent = createAgent(world.issuer);
    try {
      await authorize(agent, authorizeUrl(world), world.seeds.person);
      return agent;
    } catch (error) {
      // Before the drill begins: `fetch` still had connections to servers that the drill before this one ended.
      if (!(error instanceof TypeError) || tries === 10) throw error;
    }
  }
}

/** @param signInAgain whether a sign-in page may come: after the loss of all sessions */
export async function startTraffic(
  world: World,
  ledger: Ledger,
  { actors = 6, signInAgain = false } = {},
): Promise<Traffic> {
  const caller = createCaller(world.balancer.port, world.host);
  const crew: Actor[] = [];
  for (let n = 0; n < actors; n += 1) crew.push({ agent: await signedInAgent(world) });
  const load = keepGoing(actors, async (n) => {
    const actor = crew[n];
    if (!actor) return;
    const before = ledger.counts.answered;
    await step(world, ledger, caller, actor, signInAgain);
    // A decent client waits a little when it was told 503 or cut off.
    await new Promise((resolve) => setTimeout(resolve, ledger.counts.answered > before ? 2 : 60));
  });
  return {
    caller,
    async stop() {
      await load.stop();
      for (const { refreshToken } of crew) if (refreshToken) ledger.alive.add(refreshToken);
    },
  };
}

async function step(
  world: World,
  ledger: Ledger,
  caller: Caller,
  actor: Actor,
  signInAgain: boolean,
): Promise<void> {
  const { web, service } = world.seeds;
  const { refreshToken } = actor;
  if (!refreshToken) return begin(world, ledger, caller, actor, signInAgain);
  const dice = actor.inDoubt ? 0 : Math.random();
  if (dice < 0.6) {
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const outcome = await askToken(caller, web, form);
    actor.inDoubt = ledger.note(outcome, signInAgain ? [200, 400] : [200], 'refresh') === 'again';
    // Refused, it is a violation once, and not again at every step.
    if (isAnswer(outcome) && outcome.status === 400) return forget(actor);
    if (actor.inDoubt) return;
    actor.refreshToken = String(jsonOf(outcome).refresh_token);
    actor.accessToken = String(jsonOf(outcome).access_token);
  } else if (dice < 0.7) {
    const outcome = await askToken(caller, service, clientCredentials);
    ledger.note(outcome, [200], 'client credentials');
  } else if (dice < 0.8) {
    const headers = { authorization: `Bearer ${actor.accessToken}` };
    const outcome = await caller.ask('/oauth2/userinfo', { headers });
    ledger.note(outcome, signInAgain ? [200, 401] : [200], 'userinfo');
  } else if (dice < 0.92) {
    const outcome = await caller.ask('/oauth2/introspect', {
      form: { token: refreshToken },
      headers: basic(web),
    });
    if (ledger.note(outcome, [200], 'introspect') === 'again') return;
    if (jsonOf(outcome).active !== true && !signInAgain)
      ledger.violate('I2', 'a living refresh token is inactive');
  } else if (dice < 0.96) {
    // Left alone, to be asked for after the drill.
    forget(actor);
    ledger.alive.add(refreshToken);
  } else {
    forget(actor);
    const outcome = await caller.ask('/oauth2/revoke', {
      form: { token: refreshToken },
      headers: basic(web),
    });
    // Cut off or told 503, it is in doubt, and no fact.
    if (ledger.note(outcome, [200], 'revoke') === 'answered') ledger.revoked.add(refreshToken);
  }
}

function forget(actor: Actor): void {
  delete actor.refreshToken;
  delete actor.inDoubt;
  delete actor.accessToken;
}

async function begin(
  world: World,
  ledger: Ledger,
  caller: Caller,
  actor: Actor,
  signInAgain: boolean,
): Promise<void> {
  let page: Page;
  try {
    page = await actor.agent.follow(await actor.agent.get(authorizeUrl(world)));
  } catch {
    ledger.counts.broken += 1;
    return;
  }
  if (page.status === 503 && page.headers.get('retry-after')) {
    ledger.counts.unavailable += 1;
    return;
  }
  if (page.text.includes('/sign-in"') && signInAgain) {
    await authorize(actor.agent, authorizeUrl(world), world.seeds.person).catch(() => undefined);
    return;
  }
  const code = page.location && new URL(page.location).searchParams.get('code');
  if (!code) {
    const asked = /action="[^"]*\/(sign-in|consent)"/.exec(page.text)?.[1];
    ledger.violate(asked ? 'I2' : 'I4', `authorize: ${page.status} ${asked ?? page.text.slice(0, 200)}`);
    return;
  }
  ledger.counts.answered += 1;
  // One in five is delivered twice, as a load balancer that retries does.
  const deliveries = Math.random() < 0.2 ? 2 : 1;
  const outcomes = await Promise.all(
    Array.from({ length: deliveries }, () =>
      askToken(caller, world.seeds.web, redeemForm({ code, verifier })),
    ),
  );
  for (const outcome of outcomes) {
    if (ledger.note(outcome, [200, 400], 'redeem') === 'again') continue;
    if (!isAnswer(outcome) || outcome.status !== 200) continue;
    ledger.codeWins.set(code, (ledger.codeWins.get(code) ?? 0) + 1);
    // Delivered twice, the family may have been ended for it.
    if (deliveries > 1) continue;
    actor.refreshToken = String(jsonOf(outcome).refresh_token);
    actor.accessToken = String(jsonOf(outcome).access_token);
  }
}
