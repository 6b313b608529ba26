import { describe, expect, it } from 'vitest';
import { defaultLimits } from '../../src/config/limits.ts';
import { delaySeconds } from '../../src/throttle/pressure.ts';
import { createSignInThrottle, type ThrottleOutcome } from '../../src/throttle/sign-in-throttle.ts';
import { memoryCounters, movedClock } from './memory-counters.ts';

function setUp() {
  const clock = movedClock();
  const counters = memoryCounters(clock);
  const throttle = createSignInThrottle({ counters, limits: defaultLimits, clock });
  return {
    clock,
    counters,
    throttle,
    another: createSignInThrottle({ counters, limits: defaultLimits, clock }),
  };
}

const ada = { account: 'ada@example.com', network: '192.0.2.1' };
const gone = (outcomes: readonly ThrottleOutcome[]) => outcomes.filter(({ kind }) => kind === 'go').length;

describe('the sign-in throttle', () => {
  it('S14 lets at most the limit of the account through: 1,000 tries, 200 at once, from 1,000 networks, two processes', async () => {
    const { throttle, another } = setUp();
    let through = 0;
    for (let round = 0; round < 5; round += 1) {
      const tries = Array.from({ length: 200 }, (_, i) =>
        (i % 2 ? throttle : another).check({ account: ada.account, network: `network ${round} ${i}` }),
      );
      through += gone(await Promise.all(tries));
    }
    expect(through).toBeGreaterThan(0);
    expect(through).toBeLessThanOrEqual(defaultLimits.signInPerAccount.limit);
  });

  it('S14 lets at most the limit of account and network through from one network', async () => {
    const { throttle } = setUp();
    const through = gone(await Promise.all(Array.from({ length: 200 }, () => throttle.check(ada))));
    expect(through).toBeLessThanOrEqual(defaultLimits.signInPerAccountAndNetwork.limit);
  });

  it('S16 stops one network that tries one password on many accounts, and no other network', async () => {
    const { throttle } = setUp();
    const tries = Array.from({ length: 300 }, (_, i) =>
      throttle.check({ account: `a${i}@x.com`, network: 'n' }),
    );
    expect(gone(await Promise.all(tries))).toBe(defaultLimits.signInPerNetwork.limit);
    expect(await throttle.check({ account: 'a1@x.com', network: 'other' })).toEqual({ kind: 'go' });
  });

  it('keeps a growing distance, then locks, then opens by itself', async () => {
    const { throttle, clock } = setUp();
    for (let i = 0; i < 3; i += 1) expect(await throttle.check(ada)).toEqual({ kind: 'go' });
    expect(await throttle.check(ada)).toEqual({ kind: 'go' });
    expect(await throttle.check(ada)).toEqual({ kind: 'wait', retryAfterSeconds: 5 });
    // A refusal by distance costs no ticket: the fifth is still there after the wait.
    for (let i = 0; i < 20; i += 1) expect((await throttle.check(ada)).kind).toBe('wait');
    clock.forward(5);
    expect(await throttle.check(ada)).toEqual({ kind: 'go' });
    expect(await throttle.check(ada)).toEqual({ kind: 'wait', retryAfterSeconds: 10 });
    clock.forward(10);
    expect(await throttle.check(ada)).toEqual({ kind: 'wait', retryAfterSeconds: 885 });
    clock.forward(885);
    expect(await throttle.check(ada)).toEqual({ kind: 'go' });
  });

  it('S15 cannot be kept shut by trying on', async () => {
    const { throttle, clock } = setUp();
    for (let minute = 0; minute < 15; minute += 1) {
      for (let i = 0; i < 20; i += 1)
        await throttle.check({ account: ada.account, network: `stranger ${i}` });
      clock.forward(60);
    }
    expect(await throttle.check(ada)).toEqual({ kind: 'go' });
  });

  it('S15 lets a known browser in while strangers have locked the account and its network', async () => {
    const { throttle } = setUp();
    await Promise.all(Array.from({ length: 300 }, () => throttle.check(ada)));
    expect((await throttle.check(ada)).kind).toBe('wait');
    expect(await throttle.check({ ...ada, device: 'laptop' })).toEqual({ kind: 'go' });
    const more = await Promise.all(
      Array.from({ length: 50 }, () => throttle.check({ ...ada, device: 'laptop' })),
    );
    expect(gone(more)).toBeLessThan(defaultLimits.signInPerDevice.limit);
    expect(await throttle.check({ ...ada, device: 'phone' })).toEqual({ kind: 'go' });
  });

  it('forgets a person’s own slips after the right password, but not what strangers have tried', async () => {
    const { throttle } = setUp();
    const stranger = { ...ada, network: '198.51.100.7' };
    for (let i = 0; i < 3; i += 1) await throttle.check(stranger);
    for (let i = 0; i < 20; i += 1) {
      expect(await throttle.check(ada)).toEqual({ kind: 'go' });
      await throttle.succeeded(ada);
    }
    await throttle.check(stranger);
    expect((await throttle.check(stranger)).kind).toBe('wait');
  });

  it('says what is unusual: from half a limit of failures on, for strangers alone, and never of the attempt itself', async () => {
    const { throttle } = setUp();
    for (let i = 0; i < 4; i += 1) await throttle.check({ account: ada.account, network: `n${i}` });
    await throttle.check(ada);
    expect(await throttle.succeeded(ada)).toBeUndefined();
    await throttle.check({ account: ada.account, network: 'n5' });
    await throttle.check(ada);
    expect(await throttle.succeeded(ada)).toBe('account');
    expect(await throttle.succeeded({ ...ada, device: 'laptop' })).toBeUndefined();
    for (let i = 0; i < 50; i += 1) await throttle.check({ account: `a${i}@x.com`, network: 'office' });
    const bob = { account: 'bob@example.com', network: 'office' };
    await throttle.check(bob);
    expect(await throttle.succeeded(bob)).toBe('network');
  });

  it('takes back what was never hashed', async () => {
    const { throttle } = setUp();
    for (let i = 0; i < 50; i += 1) {
      expect(await throttle.check(ada)).toEqual({ kind: 'go' });
      await throttle.released(ada);
    }
  });

  it('is opened by an operator, for every network, and counts afresh', async () => {
    const { throttle, clock } = setUp();
    for (let i = 0; i < 40; i += 1) await throttle.check(ada);
    expect((await throttle.check(ada)).kind).toBe('wait');
    await throttle.unlock(ada.account);
    for (let i = 0; i < 4; i += 1) expect(await throttle.check(ada)).toEqual({ kind: 'go' });
    expect((await throttle.check(ada)).kind).toBe('wait');
    clock.forward(1800);
    expect(await throttle.check(ada)).toEqual({ kind: 'go' });
  });

  it('grows the distance from half the limit on, up to a tenth of the window', () => {
    const of = (limit: number) =>
      [...Array(limit).keys()].map((i) => delaySeconds(i + 1, { limit, windowSeconds: 900 }));
    expect(of(5)).toEqual([0, 0, 0, 5, 10]);
    expect(of(10)).toEqual([0, 0, 0, 0, 0, 5, 10, 20, 40, 80]);
    expect(of(16)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 5, 10, 20, 40, 80, 90, 90, 90]);
    expect(of(1)).toEqual([0]);
  });
});
