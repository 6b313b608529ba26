import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Client } from '../../src/clients/client.ts';
import { type ClientInput, judgeClient } from '../../src/clients/client-rules.ts';
import type { Clients } from '../../src/clients/clients.ts';
import { checkingSectors } from '../../src/clients/sector-check.ts';
import { createSubjects } from '../../src/clients/subjects.ts';

const salt = () => randomBytes(32).toString('base64url');
const at = (redirectUri: string, sectorIdentifierUri?: string) =>
  ({
    subjectType: 'pairwise',
    redirectUris: [redirectUri],
    ...(sectorIdentifierUri && { sectorIdentifierUri }),
  }) as const;

describe('names', () => {
  it('depend on salt, sector and account, and only on the oldest salt', () => {
    const [old, young] = [salt(), salt()];
    const subjectOf = createSubjects([old]);
    const name = subjectOf(at('https://a.example/cb'), 'account');
    expect(subjectOf(at('https://a.example/other'), 'account')).toBe(name);
    expect(subjectOf(at('https://b.example/cb', 'https://a.example/sector.json'), 'account')).toBe(name);
    expect(subjectOf(at('https://b.example/cb'), 'account')).not.toBe(name);
    expect(subjectOf(at('https://a.example/cb'), 'accounT')).not.toBe(name);
    expect(createSubjects([young])(at('https://a.example/cb'), 'account')).not.toBe(name);
    expect(createSubjects([young, old])(at('https://a.example/cb'), 'account')).toBe(name);
    expect(subjectOf({ redirectUris: [] }, 'account')).toBe('account');
    expect(() => createSubjects([])).toThrow();
  });
});

describe('rules', () => {
  const judge = (input: object) => {
    const judged = judgeClient(
      { name: 'A', type: 'web', subjectType: 'pairwise', ...input } as ClientInput,
      () => 'made',
    );
    return 'client' in judged ? '' : judged.faults.map((f) => `${f.field}: ${f.fault}`).join('; ');
  };
  it.each([
    [{ redirectUris: ['https://a.example/cb', 'https://a.example/two'] }, /^$/],
    [{ redirectUris: ['https://a.example/cb', 'https://b.example/cb'] }, /sectorIdentifierUri: is required/],
    [
      {
        redirectUris: ['https://a.example/cb', 'https://b.example/cb'],
        sectorIdentifierUri: 'https://a.example/s',
      },
      /^$/,
    ],
    [{ type: 'native', redirectUris: ['com.example.app:/cb'] }, /sectorIdentifierUri: is required/],
    [{ redirectUris: ['https://a.example/cb'], sectorIdentifierUri: 'http://a.example/s' }, /must use https/],
    [{ redirectUris: ['https://a.example/cb'], subjectType: 'ephemeral' }, /subjectType: must be one of/],
    [
      {
        redirectUris: ['https://a.example/cb'],
        subjectType: 'public',
        sectorIdentifierUri: 'https://a.example/s',
      },
      /of use only/,
    ],
    [{ type: 'service', redirectUris: null }, /subjectType: pairwise is for/],
    [{ type: 'device', redirectUris: null }, /subjectType: pairwise is for/],
  ])('%o', (input, said) => {
    expect(judge(input)).toMatch(said);
  });
});

describe('the document of a sector', () => {
  const uris = ['https://a.example/cb', 'https://b.example/cb'];
  const input = {
    ...{ name: 'A', type: 'web', subjectType: 'pairwise' },
    ...{ redirectUris: uris, sectorIdentifierUri: 'https://a.example/s' },
  } as ClientInput;
  /** Clients that accept everything, behind a document that answers so. */
  function behind(answer: { status?: number; body?: string } | Error) {
    const asked: string[] = [];
    const accepted: string[] = [];
    const clients = {
      find: async () => ({ ...input, redirectUris: uris.slice(0, 1) }) as unknown as Client,
      create: async () => {
        accepted.push('create');
        return { kind: 'exists' };
      },
      update: async () => {
        accepted.push('update');
        return { kind: 'absent' };
      },
    } as unknown as Clients;
    const checked = checkingSectors(clients, async ({ url }) => {
      asked.push(url);
      if (answer instanceof Error) throw answer;
      return { status: answer.status ?? 200, body: Buffer.from(answer.body ?? JSON.stringify(uris)) };
    });
    return { asked, accepted, checked };
  }
  const by = { kind: 'operator' } as const;

  it('that lists every redirect URI lets the client in', async () => {
    const { checked, accepted, asked } = behind({});
    await checked.create(input, by);
    await checked.update('a', { redirectUris: uris }, by);
    expect([accepted, asked]).toEqual([
      ['create', 'update'],
      ['https://a.example/s', 'https://a.example/s'],
    ]);
  });

  it.each([
    [{ body: JSON.stringify(uris.slice(0, 1)) }, /does not list https:\/\/b\.example\/cb/],
    [{ body: JSON.stringify(['https://b.example/cb/', uris[0]]) }, /does not list/],
    [{ body: '{"0":"https://a.example/cb"}' }, /no JSON list/],
    [{ body: '<html>' }, /holds no JSON/],
    [{ status: 302 }, /answers 302/],
    [new Error('outbound request refused (address): 10.0.0.1'), /cannot be asked: .*refused/],
  ])('%o: refused', async (answer, said) => {
    const { checked, accepted } = behind(answer);
    for (const made of [
      await checked.create(input, by),
      await checked.update('a', { redirectUris: uris }, by),
    ]) {
      expect(made.kind === 'faults' ? made.faults[0]?.fault : '').toMatch(said);
    }
    expect(accepted).toEqual([]);
  });

  it('is not asked for what has nothing to do with it', async () => {
    const { checked, asked, accepted } = behind(new Error('must not be asked'));
    await checked.update('a', { name: 'B' }, by);
    await checked.create({ name: 'A', type: 'web', redirectUris: uris } as ClientInput, by);
    expect([asked, accepted]).toEqual([[], ['update', 'create']]);
  });
});
