/** Renders docs/profiles.md from the tables that clients are judged by. */
import type { Profile } from './client.ts';
import { fapiRequirements } from './fapi2-requirements.ts';
import { profileMeanings, profilePoints, profiles } from './profile-rules.ts';

/** What a profile asks of single requests, beside what it asks of the client (protocol/profile-gate.ts). */
const atRequests: readonly (readonly [string, Readonly<Record<Profile, string>>])[] = [
  [
    'DPoP proofs carry a nonce of the server',
    { baseline: 'when the clock is off', high: 'yes', fapi2: 'yes' },
  ],
  ['codes live', { baseline: 'as set', high: 'as set', fapi2: '60 s at most' }],
  ['signatures with RS256', { baseline: 'accepted', high: 'accepted', fapi2: 'refused' }],
  ['tokens of an API that signs with RS256', { baseline: 'given', high: 'given', fapi2: 'refused' }],
  [
    'request objects (RFC 9101)',
    { baseline: 'end within an hour', high: 'end within an hour', fapi2: 'and have nbf' },
  ],
];

export function renderProfilesPage(): string {
  const state = { held: 'yes', departs: '**departs**', operator: 'with the operator' };
  return `${[
    '# Security profiles',
    '<!-- Made by `npm run docs` from src/clients; `npm run docs:check` fails when it is stale. -->',
    [
      'How much is asked of a client, in one word: `npx cardea client create … --profile fapi2`. A profile sets what is left',
      'open, so the word is enough; a client that contradicts its profile can be neither registered nor updated.',
      '`npx cardea client check ID` says point by point whether a client meets its profile, or another one with `--profile`,',
      'and prints the command that mends what is missing.',
    ].join('\n'),
    profiles.map((profile) => `- \`${profile}\`: ${profileMeanings[profile]}`).join('\n'),
    '## What is asked of the client',
    table(
      ['point', ...profiles],
      profilePoints.map((point) => [
        point.asks,
        ...profiles.map((profile) => {
          const source = point.by[profile];
          return source === undefined
            ? ''
            : `${point.onlySaid?.includes(profile) ? 'said' : 'yes'} (${source})`;
        }),
      ]),
    ),
    [
      '“Said” is shown by `client check` and refuses nothing. What every client gets, whatever its profile, is not in the',
      'table: exact redirect URIs, no implicit or password grant, `iss` in responses, codes and proofs that work once.',
    ].join('\n'),
    '## What is asked of requests',
    table(
      ['', ...profiles],
      atRequests.map(([what, by]) => [what, ...profiles.map((profile) => by[profile])]),
    ),
    '## FAPI 2.0 Security Profile, requirement by requirement',
    [
      'For the profile `fapi2`: what the final specification asks of authorization servers, and the tests that hold it. No',
      'certification was sought.',
    ].join('\n'),
    table(
      ['section', 'asks', 'held', 'how', 'tests'],
      fapiRequirements.map((one) => [
        one.item,
        one.asks,
        state[one.state],
        one.how,
        one.tests.map(([file, name]) => `\`${file}\`: ${name.trim()}`).join('<br>'),
      ]),
    ),
  ].join('\n\n')}\n`;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}
