/** Whether the time of an answer tells an address with an account from one without, on every path that takes an address. */
import { randomBytes } from 'node:crypto';
import { type Agent, createAgent, formTo, type Page } from '../test/harness/agent.ts';
import { type Answer, type Ask, openConnection, unexpected } from './http-load.ts';
import { mannWhitney, median } from './statistics.ts';
import { authorizePath, type Subject } from './subject.ts';

export interface SameTime {
  readonly what: string;
  readonly samples: number;
  /** Medians in milliseconds. */
  readonly knownMs: number;
  readonly unknownMs: number;
  /** That their difference is chance (Mann-Whitney, two-sided). */
  readonly p: number;
}

/** One way to ask with an address: a browser of its own opens the page, and only the last request is timed. */
interface Way {
  readonly what: string;
  prepare(agent: Agent, email: string): Promise<{ ask: Ask; expected: number }>;
}

export async function measureAddresses(
  subject: Subject,
  { samples }: { samples: number },
): Promise<SameTime[]> {
  const connection = openConnection(subject.child);
  const found: SameTime[] = [];
  for (const way of waysOf(subject)) {
    const times = { known: [] as number[], unknown: [] as number[] };
    // The first of each load code and fill caches, and are nobody's measure.
    for (let n = -5; n < samples; n += 1) {
      for (const [kind, email] of knownAndUnknown(subject, n)) {
        const { ask, expected } = await way.prepare(createAgent(subject.child.issuer), email);
        const before = performance.now();
        const answer: Answer = await connection.ask(ask);
        const ms = performance.now() - before;
        if (answer.status !== expected) throw unexpected(answer);
        if (n >= 0) times[kind].push(ms);
      }
    }
    found.push({
      what: way.what,
      samples,
      knownMs: median(times.known),
      unknownMs: median(times.unknown),
      p: mannWhitney(times.known, times.unknown),
    });
  }
  connection.close();
  return found;
}

/** One address with an account and one without, in turn this one first and that one. */
export function knownAndUnknown(
  { scene: { people } }: Subject,
  n: number,
): readonly (readonly ['known' | 'unknown', string])[] {
  const known = people[(n + people.length) % people.length]?.email ?? '';
  // As long as a known one, so that nothing but the account differs.
  const unknown = known.replace(/-\w+@/, `-${randomBytes(4).toString('hex')}@`);
  const pair = [
    ['known', known],
    ['unknown', unknown],
  ] as const;
  return n % 2 === 0 ? pair : [...pair].reverse();
}

function waysOf({ child, scene }: Subject): Way[] {
  const authorize = (extra: Record<string, string>) =>
    `${authorizePath(scene, 'person')}&${new URLSearchParams(extra)}`;
  const post = (agent: Agent, page: Page, form: string, step: string, email: string) => {
    const { action, fields } = formTo(page, form);
    return {
      path: new URL(action).pathname.replace(/[^/]+$/, step),
      headers: { Cookie: cookieOf(agent), Origin: child.issuer, Accept: 'text/html' },
      form: { ...fields, email },
    };
  };
  return [
    {
      what: 'sign-up',
      async prepare(agent, email) {
        const page = await agent.follow(await agent.get(authorize({ prompt: 'create' })));
        return { ask: post(agent, page, '/sign-up', 'sign-up', email), expected: 303 };
      },
    },
    {
      what: 'password reset',
      async prepare(agent, email) {
        return { ask: post(agent, await agent.get('/reset'), '/reset', 'reset', email), expected: 303 };
      },
    },
    {
      what: 'mailed sign-in code',
      async prepare(agent, email) {
        const page = await agent.follow(await agent.get(authorize({})));
        return { ask: post(agent, page, '/sign-in', 'send-code', email), expected: 303 };
      },
    },
    {
      what: 'passkey options',
      async prepare(agent, email) {
        const page = await agent.follow(await agent.get(authorize({ login_hint: email })));
        const path = new URL(formTo(page, '/sign-in').action).pathname.replace(/[^/]+$/, 'passkey-options');
        return { ask: { path, headers: { Cookie: cookieOf(agent) } }, expected: 200 };
      },
    },
  ];
}

const cookieOf = (agent: Agent): string =>
  agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
