/** A storm of sign-ins, all at the same moment, while services go on fetching their tokens. */
import { createAgent, type Form, formTo } from '../test/harness/agent.ts';
import { resource } from './bare-scene.ts';
import { type Answer, type Ask, type Connection, load, openConnection } from './http-load.ts';
import { quantile } from './statistics.ts';
import { authorizePath, basicOf, type Subject } from './subject.ts';

export interface Storm {
  readonly people: number;
  /** p99 of client credentials in ms, and how many were asked for. */
  readonly quietMs: number;
  readonly stormMs: number;
  readonly tokens: number;
  /** Of these, answered without a token. */
  readonly refused: number;
  /** Sign-ins that went through at the first try, and by the end. */
  readonly atOnce: number;
  readonly inAtLast: number;
  /** Answers 429 or 503 with Retry-After: whoever got one came back when it said. */
  readonly putOff: number;
  /** Answers that were none of these, or no answer. */
  readonly impolite: number;
  /** From the first POST to the last answer. */
  readonly seconds: number;
  /** MiB of the server before, and the most while it lasted. */
  readonly memoryBefore: number;
  readonly memoryMost: number;
}

/** Whoever is not in by then was promised something that did not come. */
const LONGEST_MS = 120_000;

export async function measureStorm(
  subject: Subject,
  { storm: people, stormQuietSeconds }: { storm: number; stormQuietSeconds: number },
): Promise<Storm> {
  const { child, scene } = subject;
  const request: Ask = {
    path: '/oauth2/token',
    headers: { Authorization: basicOf(scene.service) },
    form: { grant_type: 'client_credentials', scope: 'orders:read', resource },
  };
  // A tenth of what the process could give, so that its own queue is not what is measured.
  const services = subject.connections.slice(0, 2);
  const browsers = await openBrowsers(subject, people);
  await load(services, { next: () => request }, 1);
  const quiet = await load(services, { next: () => request }, stormQuietSeconds);

  const memoryBefore = child.memory();
  let memoryMost = memoryBefore;
  const watch = setInterval(() => {
    memoryMost = Math.max(memoryMost, child.memory());
  }, 50);
  const counts = { atOnce: 0, inAtLast: 0, putOff: 0, impolite: 0 };
  let over = false;
  const startedAt = performance.now();
  const storming = Promise.all(browsers.map((browser) => signIn(browser, counts, startedAt))).finally(() => {
    over = true;
  });
  let refused = 0;
  const meanwhile = await load(
    services,
    {
      next: () => (over ? undefined : request),
      take: ({ status }) => {
        if (status !== 200) refused += 1;
      },
    },
    LONGEST_MS / 1000 + 60,
  );
  await storming;
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(watch);
  for (const { connection } of browsers) connection.close();
  return {
    people,
    quietMs: quantile(quiet.times, 0.99),
    stormMs: quantile(meanwhile.times, 0.99),
    tokens: meanwhile.requests,
    refused,
    ...counts,
    seconds,
    memoryBefore,
    memoryMost,
  };
}

interface Browser {
  readonly connection: Connection;
  readonly ask: Ask;
}

/** Each on a sign-in page of its own, the right password typed in. */
async function openBrowsers({ child, scene }: Subject, people: number): Promise<Browser[]> {
  const browsers: Browser[] = [];
  while (browsers.length < people) {
    const person = scene.people[browsers.length % scene.people.length];
    if (!person) throw new Error('nobody to sign in');
    const agent = createAgent(child.issuer);
    const form: Form = formTo(
      await agent.follow(await agent.get(authorizePath(scene, 'person'))),
      '/sign-in',
    );
    const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    browsers.push({
      connection: openConnection(child),
      ask: {
        path: new URL(form.action).pathname,
        headers: { Cookie: cookie, Origin: child.issuer, Accept: 'text/html' },
        form: { ...form.fields, email: person.email, password: person.password },
      },
    });
  }
  return browsers;
}

/** One person: signs in, and when told to wait, waits and tries again. */
async function signIn(
  { connection, ask }: Browser,
  counts: { atOnce: number; inAtLast: number; putOff: number; impolite: number },
  startedAt: number,
): Promise<void> {
  for (let tries = 1; performance.now() - startedAt < LONGEST_MS; tries += 1) {
    const answer: Answer | undefined = await connection.ask(ask).catch(() => undefined);
    if (answer?.status === 303) {
      counts.inAtLast += 1;
      if (tries === 1) counts.atOnce += 1;
      return;
    }
    const waitSeconds = Number(/^retry-after: (\d+)/im.exec(answer?.head ?? '')?.[1]);
    if (!answer || ![429, 503].includes(answer.status) || !(waitSeconds >= 1)) {
      counts.impolite += 1;
      return;
    }
    counts.putOff += 1;
    // As people do: not all at the same moment.
    await new Promise((resolve) => setTimeout(resolve, waitSeconds * 1000 * (1 + Math.random())));
  }
}
