/** Passwords: what the sign-in adds to its hash, and whether its time tells known accounts from unknown ones. */
import * as argon2 from 'argon2';
import { createAgent, type Form, formTo } from '../test/harness/agent.ts';
import { knownAndUnknown } from './addresses.ts';
import { type Answer, openConnection, unexpected } from './http-load.ts';
import { mannWhitney, median } from './statistics.ts';
import { authorizePath, type Subject } from './subject.ts';

export interface SignIns {
  /** Medians in milliseconds. */
  readonly hashMs: number;
  readonly signInMs: number;
  /** Median of the ratios of neighbours. */
  readonly ratio: number;
  /** Processor time of one sign-in ÷ one hash alone: what the sign-in adds by itself, whatever else the machine does. */
  readonly cpuRatio: number;
  readonly knownMs: number;
  readonly unknownMs: number;
  readonly samples: number;
  /** That their difference is chance (Mann-Whitney, two-sided). */
  readonly p: number;
}

/** As src/accounts/passwords.ts hashes by default. */
const parameters = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

export async function measureSignIns(
  subject: Subject,
  { signIns, samples }: { signIns: number; samples: number },
): Promise<SignIns> {
  const connection = openConnection(subject.child);
  const [person] = subject.scene.people;
  if (!person) throw new Error('nobody to sign in');
  const hash = await argon2.hash(person.password, parameters);

  async function timed(
    page: SignInPage,
    fields: Record<string, string>,
  ): Promise<{ ms: number; answer: Answer }> {
    const request = {
      path: new URL(page.form.action).pathname,
      headers: { Cookie: page.cookie, Origin: subject.child.issuer, Accept: 'text/html' },
      form: { ...page.form.fields, ...fields },
    };
    const before = performance.now();
    const answer = await connection.ask(request);
    return { ms: performance.now() - before, answer };
  }

  const alone: number[] = [];
  const whole: number[] = [];
  const cpuSeconds = { alone: 0, whole: 0 };
  for (let n = 0; n < signIns; n += 1) {
    const page = await openSignIn(subject);
    const [before, usage] = [performance.now(), process.cpuUsage()];
    await argon2.verify(hash, person.password);
    alone.push(performance.now() - before);
    const { user, system } = process.cpuUsage(usage);
    cpuSeconds.alone += (user + system) / 1e6;
    const cpuBefore = subject.child.cpuSeconds();
    const { ms, answer } = await timed(page, { email: person.email, password: person.password });
    cpuSeconds.whole += subject.child.cpuSeconds() - cpuBefore;
    if (answer.status !== 303) throw unexpected(answer);
    whole.push(ms);
  }

  const times = { known: [] as number[], unknown: [] as number[] };
  const page = await openSignIn(subject);
  for (let n = 0; n < samples; n += 1) {
    for (const [kind, email] of knownAndUnknown(subject, n)) {
      const { ms, answer } = await timed(page, { email, password: 'not the password' });
      if (answer.status !== 422) throw unexpected(answer);
      times[kind].push(ms);
    }
  }
  connection.close();
  return {
    hashMs: median(alone),
    signInMs: median(whole),
    ratio: median(whole.map((ms, n) => ms / (alone[n] ?? Number.NaN))),
    cpuRatio: cpuSeconds.whole / cpuSeconds.alone,
    knownMs: median(times.known),
    unknownMs: median(times.unknown),
    samples,
    p: mannWhitney(times.known, times.unknown),
  };
}

interface SignInPage {
  readonly form: Form;
  readonly cookie: string;
}

/** A browser that nobody has signed in with, on the sign-in page. */
async function openSignIn({ child, scene }: Subject): Promise<SignInPage> {
  const agent = createAgent(child.issuer);
  const page = await agent.follow(await agent.get(authorizePath(scene, 'person')));
  const form = formTo(page, '/sign-in');
  const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  return { form, cookie };
}
