/** What may be set so that a client asks for tokens of people who are not there, and what the grants follow from. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { clientInput } from '../../src/cli/client-options.ts';
import type { Input } from '../../src/cli/command.ts';
import { inputOf, judgeClient } from '../../src/clients/client-rules.ts';
import { ASSERTION_GRANT, EXCHANGE_GRANT } from '../../src/clients/client-types.ts';

const audience = 'https://stock.example';
const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
const issuer = { issuer: 'https://hr.example', subject: 'id', jwks: { keys: [jwk] } };

function judge(more: object) {
  const judged = judgeClient({ name: 'S', type: 'service', ...more } as never, () => 'id-1');
  return 'client' in judged
    ? { client: judged.client, faults: '' }
    : { faults: judged.faults.map(({ field, fault }) => `${field}: ${fault}`).join('\n') };
}

describe('the policy is the permission', () => {
  it('gives the grant type, keeps it through an update, and takes it along', () => {
    const { client } = judge({ exchange: [{ audience, mode: 'both' }], assertionIssuers: [issuer] });
    expect(client?.grantTypes).toEqual(['client_credentials', EXCHANGE_GRANT, ASSERTION_GRANT]);
    if (!client) throw new Error('no client');
    expect(judge(inputOf(client)).client).toEqual(client);
    const without = judge({ ...inputOf(client), exchange: null, assertionIssuers: null }).client;
    expect(without?.grantTypes).toEqual(['client_credentials']);
  });

  it('no list of grant types gives it', () => {
    for (const grant of [EXCHANGE_GRANT, ASSERTION_GRANT]) {
      expect(judge({ grantTypes: ['client_credentials', grant] }).faults).toMatch(/grantTypes/);
    }
  });

  it('a client that does not authenticate has none', () => {
    const spa = { type: 'spa', redirectUris: ['https://app.example/cb'] };
    expect(judge({ ...spa, exchange: [{ audience, mode: 'both' }] }).faults).toMatch(
      /exchange: .*authenticates/,
    );
    expect(judge({ ...spa, assertionIssuers: [issuer] }).faults).toMatch(/assertionIssuers: .*authenticates/);
  });

  it.each([
    ['no list', { exchange: { audience, mode: 'both' } }],
    ['an entry that is no object', { exchange: ['x'] }],
    ['another mode', { exchange: [{ audience, mode: 'everything' }] }],
    ['no audience', { exchange: [{ mode: 'both' }] }],
    ['an audience that is no URI', { exchange: [{ audience: 'not a uri', mode: 'both' }] }],
    ['one audience twice', { exchange: Array(2).fill({ audience, mode: 'both' }) }],
    ['an unknown member', { exchange: [{ audience, mode: 'both', anyone: true }] }],
    ['too many', { exchange: Array(51).fill({ audience, mode: 'both' }) }],
    ['may act: no client id', { mayAct: 'a b' }],
    ['an issuer without keys', { assertionIssuers: [{ issuer: 'https://hr.example', subject: 'id' }] }],
    ['keys twice', { assertionIssuers: [{ ...issuer, jwksUri: 'https://hr.example/jwks' }] }],
    ['a private key', { assertionIssuers: [{ ...issuer, jwks: { keys: [{ ...jwk, d: 'x' }] } }] }],
    ['keys by http', { assertionIssuers: [{ ...issuer, jwks: undefined, jwksUri: 'http://hr.example' }] }],
    ['another kind of subject', { assertionIssuers: [{ ...issuer, subject: 'phone' }] }],
    ['no issuer', { assertionIssuers: [{ ...issuer, issuer: '' }] }],
    ['one issuer twice', { assertionIssuers: [issuer, issuer] }],
  ])('%s is refused', (_name, more) => expect(judge(more).faults).not.toBe(''));
});

describe('on the command line', () => {
  const given = (texts: Record<string, string[]>, file?: string) =>
    clientInput({
      text: (name: string) => texts[name]?.[0],
      texts: (name: string) => texts[name],
      flag: () => undefined,
      file: (name: string) => (name === 'assertion-issuers-file' ? file : undefined),
      positionals: [],
    } as unknown as Input);

  it('AUDIENCE=MODE, split at the last =', () => {
    expect(given({ exchange: [`${audience}?a=b=delegation`, 'x'] })).toMatchObject({
      input: {
        exchange: [
          { audience: `${audience}?a=b`, mode: 'delegation' },
          { audience: 'x', mode: '' },
        ],
      },
    });
    expect(given({ exchange: [''] })).toMatchObject({ input: { exchange: null } });
  });

  it('issuers from a file: JSON, or a sentence that says so', () => {
    expect(given({}, JSON.stringify([issuer]))).toMatchObject({ input: { assertionIssuers: [issuer] } });
    expect(given({}, ' ')).toMatchObject({ input: { assertionIssuers: null } });
    expect(given({}, '{')).toMatchObject({ kind: 'failed' });
  });
});
