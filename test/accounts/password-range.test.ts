import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createPasswordRange } from '../../src/accounts/password-range.ts';
import { createPasswords } from '../../src/accounts/passwords.ts';
import { standingClock } from '../clients/databases.ts';
import { argon2 } from './rooms.ts';

const leaked = 'correct horse battery staple';
const hash = createHash('sha1').update(leaked).digest('hex').toUpperCase();

function open(answer: () => { status: number; body: string } | Promise<never>) {
  const asked: { url: string; headers: Readonly<Record<string, string>>; timeoutMs: number }[] = [];
  const outcomes: string[] = [];
  const isLeaked = createPasswordRange({
    url: 'https://range.example/',
    async send(request) {
      asked.push(request);
      const { status, body } = await answer();
      return { status, body: Buffer.from(body) };
    },
    onOutcome: (outcome) => outcomes.push(outcome),
  });
  return { isLeaked, asked, outcomes };
}

describe('A14 a list of leaked passwords elsewhere', () => {
  it('sees five characters of a hash and no more, and refuses what it lists', async () => {
    const { isLeaked, asked, outcomes } = open(() => ({
      status: 200,
      body: `${'0'.repeat(35)}:3\r\n${hash.slice(5)}:17\r\n`,
    }));
    const passwords = createPasswords({ argon2, minLength: 12, clock: standingClock(), isLeaked });
    expect(await passwords.judge(leaked)).toMatchObject({ field: 'password' });
    expect(await passwords.judge('an entirely other sentence')).toBeUndefined();
    expect(asked[0]?.url).toBe(`https://range.example/${hash.slice(0, 5)}`);
    expect(asked[0]?.headers['Add-Padding']).toBe('true');
    expect(JSON.stringify(asked)).not.toContain(hash.slice(5));
    expect(outcomes).toEqual(['known', 'unknown']);
    // What is refused here already is not asked for elsewhere.
    expect(await passwords.judge('password1234')).toBeDefined();
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['padding', { status: 200, body: `${hash.slice(5)}:0\n` }, 'unknown'],
    ['lines that are none', { status: 200, body: `${hash.slice(5)}\n${hash.slice(5)}:x\n` }, 'unknown'],
    ['an error', { status: 503, body: hash }, 'failed'],
    ['a redirect', { status: 302, body: '' }, 'failed'],
  ])('%s accepts the password', async (_, answer, outcome) => {
    const { isLeaked, outcomes } = open(() => answer);
    expect(await isLeaked(leaked)).toBe(false);
    expect(outcomes).toEqual([outcome]);
  });

  it('accepts the password when it does not answer', async () => {
    const { isLeaked, outcomes } = open(() => Promise.reject(new Error('too slow')));
    expect(await isLeaked(leaked)).toBe(false);
    expect(outcomes).toEqual(['failed']);
  });
});
