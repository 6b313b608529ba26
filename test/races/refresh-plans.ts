/**
 * Refresh as a property: whatever is done to two families of one person, at the same time, by two processes (parallel
 * refreshes, lost answers, cut connections, killed processes, thieves), each ends with one living refresh token, or
 * with none after theft; and what is done to one never harms the other. Plans are made by fast-check from a seed.
 */
import fc from 'fast-check';

/** What can be done to a family. Tokens are told by age: 0 the newest, 1 the one used last, 2 and more are stale. */
export type Step =
  /** The newest at `callers` at once, over both processes. Whose answer is `lost` asks again. */
  | { readonly act: 'refresh'; readonly callers: number; readonly lost: boolean }
  /** The token used last once more: its answer was lost on the way, or a framework ran an effect twice. */
  | { readonly act: 'again'; readonly callers: number }
  /** The newest; the connection is cut after so many ms; asked again on the other process. */
  | { readonly act: 'cut'; readonly afterMs: number }
  /** The newest; the process is killed by kill -9 before or after it has stored; asked again on the other one. */
  | { readonly act: 'kill'; readonly when: 'die-on-arrival' | 'die-before-answer' }
  /** The newest and the one used last at the same time: whoever comes second may look like a thief. */
  | { readonly act: 'race' }
  /** A thief's use of a stale token. */
  | { readonly act: 'theft'; readonly age: number; readonly callers: number };

export type Plan = readonly [readonly Step[], readonly Step[]];

export interface Installation {
  /** The first refresh token of a new family of the one person. */
  begin(): Promise<string>;
  /** At process 0 or 1. */
  refresh(place: number, token: string): Promise<{ status: number; text: string }>;
  cut(place: number, token: string, afterMs: number): Promise<void>;
  kill?(token: string, when: 'die-on-arrival' | 'die-before-answer'): Promise<void>;
  isActive(token: string): Promise<boolean>;
}

export function plans({ kills }: { kills: boolean }): fc.Arbitrary<Plan> {
  const callers = fc.integer({ min: 1, max: 4 });
  const choices: { weight: number; arbitrary: fc.Arbitrary<Step> }[] = [
    {
      weight: 5,
      arbitrary: fc.record({ act: fc.constant('refresh' as const), callers, lost: fc.boolean() }),
    },
    { weight: 3, arbitrary: fc.record({ act: fc.constant('again' as const), callers }) },
    {
      weight: 3,
      arbitrary: fc.record({ act: fc.constant('cut' as const), afterMs: fc.integer({ min: 0, max: 12 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ act: 'race' } as const) },
    {
      weight: 1,
      arbitrary: fc.record({
        act: fc.constant('theft' as const),
        age: fc.integer({ min: 2, max: 4 }),
        callers,
      }),
    },
    ...(kills
      ? [
          {
            weight: 1,
            arbitrary: fc.record({
              act: fc.constant('kill' as const),
              when: fc.constantFrom('die-on-arrival' as const, 'die-before-answer' as const),
            }),
          },
        ]
      : []),
  ];
  const steps = fc.array(fc.oneof(...choices), { minLength: 1, maxLength: 7 });
  return fc.tuple(steps, steps);
}

/** @throws Error that says what was broken, and after which steps */
export async function runPlan(installation: Installation, plan: Plan): Promise<void> {
  const families = [await openFamily(installation), await openFamily(installation)];
  await Promise.all(
    families.map(async (family, place) => {
      for (const step of plan[place] ?? []) await family.take(step);
    }),
  );
  // Each is held against its own steps only: what was done to the other one must not show.
  for (const family of families) await family.judge();
}

async function openFamily(installation: Installation) {
  /** Every token that the family ever gave, oldest first. */
  const tokens = [await installation.begin()];
  /** `perhaps`: a race may have looked like theft. */
  let dead: boolean | 'perhaps' = false;
  let place = 0;
  const taken: string[] = [];

  const fail = (what: string): never => {
    throw new Error(`${what} after ${taken.join(', ')}`);
  };
  const aged = (age: number) => tokens.at(-1 - age);
  const next = () => {
    place += 1;
    return place % 2;
  };
  const atOnce = (count: number, token: string) =>
    Promise.all(Array.from({ length: count }, () => installation.refresh(next(), token)));

  /** All answers are the same one; its token is the newest. */
  function accept(answers: readonly { status: number; text: string }[]): void {
    const texts = new Set(answers.map(({ status, text }) => `${status} ${text}`));
    if (texts.size !== 1) fail(`${texts.size} answers to one token: ${[...texts].join(' | ').slice(0, 600)}`);
    const [answer] = answers;
    if (answer?.status !== 200) fail(`refused: ${answer?.status} ${answer?.text.slice(0, 300)}`);
    const token = String((JSON.parse(answer?.text ?? '') as { refresh_token?: unknown }).refresh_token);
    if (tokens.at(-1) !== token) {
      if (tokens.includes(token)) fail('an older token came back');
      tokens.push(token);
    }
  }

  function refuse(answers: readonly { status: number; text: string }[]): void {
    for (const { status, text } of answers) {
      if (status !== 400 || !text.includes('"invalid_grant"'))
        fail(`not refused: ${status} ${text.slice(0, 100)}`);
    }
  }

  /** After a race: how it went is seen by asking. */
  async function settle(): Promise<void> {
    if (dead !== 'perhaps') return;
    const newest = aged(0) ?? '';
    dead = !(await installation.isActive(newest));
  }

  async function take(step: Step): Promise<void> {
    taken.push(JSON.stringify(step));
    await settle();
    const newest = aged(0) ?? '';
    const last = aged(1);
    if (dead) return refuse(await atOnce(1, newest));
    switch (step.act) {
      case 'refresh':
        accept(await atOnce(step.callers, newest));
        if (step.lost) accept(await atOnce(1, newest));
        return;
      case 'again':
        if (last !== undefined) accept(await atOnce(step.callers, last));
        return;
      case 'cut':
        await installation.cut(next(), newest, step.afterMs);
        return accept(await atOnce(1, newest));
      case 'kill':
        await installation.kill?.(newest, step.when);
        return accept(await atOnce(1, newest));
      case 'race': {
        if (last === undefined) return;
        const [fresh, old] = await Promise.all([
          installation.refresh(next(), newest),
          installation.refresh(next(), last),
        ]);
        if (fresh?.status === 200) accept([fresh]);
        if (old?.status !== 200) dead = 'perhaps';
        else if (fresh?.status !== 200) fail('the newest was refused though nothing was stolen');
        return;
      }
      case 'theft': {
        const stale = aged(Math.min(step.age, tokens.length - 1));
        // Young families have no stale token: the two newest are nobody's theft.
        if (tokens.length < 3 || stale === undefined) return;
        refuse(await atOnce(step.callers, stale));
        dead = true;
      }
    }
  }

  async function judge(): Promise<void> {
    await settle();
    const active = await Promise.all(tokens.map((token) => installation.isActive(token)));
    const alive = active.filter(Boolean).length;
    if (alive !== (dead ? 0 : 1)) fail(`${alive} living tokens of ${tokens.length}, dead: ${dead}`);
    if (!dead && !active.at(-1)) fail('the living token is not the newest');
  }

  return { take, judge };
}
