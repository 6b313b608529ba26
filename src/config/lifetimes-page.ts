import { formatSeconds } from './kinds.ts';
import { type ClientType, defaultLifetimes, type LifetimeRow, lifetimeRows } from './lifetimes.ts';

const types = ['web', 'spa', 'native', 'device', 'service'] as const satisfies readonly ClientType[];

/** Renders docs/lifetimes.md: what lives how long for whom, from the tables that the settings are read by. */
export function renderLifetimesPage(): string {
  const { familyIdle, familyAbsolute } = defaultLifetimes;
  const all = (row: LifetimeRow) => types.map(() => formatSeconds(row.seconds));
  const people = (row: LifetimeRow) =>
    types.map((type) => (type === 'service' ? '–' : formatSeconds(row.seconds)));
  const family = (of: Readonly<Record<ClientType, number>>) =>
    types.map((type) => (of[type] === 0 ? '–' : formatSeconds(of[type])));
  const matrix = [
    ['session, remembered: idle', ...people(lifetimeRows.sessionIdle), name(lifetimeRows.sessionIdle)],
    [
      'session, remembered: absolute',
      ...people(lifetimeRows.sessionAbsolute),
      name(lifetimeRows.sessionAbsolute),
    ],
    ['session, not remembered: idle', ...people(lifetimeRows.briefIdle), name(lifetimeRows.briefIdle)],
    [
      'session, not remembered: absolute',
      ...people(lifetimeRows.briefAbsolute),
      name(lifetimeRows.briefAbsolute),
    ],
    ['refresh tokens: idle', ...family(familyIdle), '`CARDEA_LIFETIME_FAMILY_IDLE_…`, `--family-idle`'],
    [
      'refresh tokens: absolute',
      ...family(familyAbsolute),
      '`CARDEA_LIFETIME_FAMILY_ABSOLUTE_…`, `--family-absolute`',
    ],
    [
      'access token',
      ...all(lifetimeRows.accessToken),
      `${name(lifetimeRows.accessToken)}, the API's own, \`--access-token-lifetime\``,
    ],
    ['ID token', ...people(lifetimeRows.idToken), name(lifetimeRows.idToken)],
    ['authorization code', ...people(lifetimeRows.authorizationCode), name(lifetimeRows.authorizationCode)],
    [
      'a used refresh token is answered again',
      ...people(lifetimeRows.refreshReplayWindow),
      `${name(lifetimeRows.refreshReplayWindow)}, \`--refresh-replay-window\``,
    ],
  ];
  return `${[
    '# Lifetimes',
    '<!-- Made by `npm run docs` from src/config; `npm run docs:check` fails when it is stale. -->',
    [
      'What lives how long by default, by type of client. **Idle** counts from the last use, **absolute** from the sign-in;',
      'whichever comes first ends it. Every line is a setting ([configuration.md](configuration.md)), and each is proved with',
      'a moved clock in every set-up (`test/flows/lifetimes.test.ts`).',
    ].join('\n'),
    table(['what', ...types, 'set by'], matrix),
    '## Rules',
    [
      '- The policy is the settings. A client may ask for less with `npx cardea client update ID --family-idle 7d`; when it',
      '  asks for more, the command line warns, the audit records `client.lifetime-beyond-policy`, and the policy wins.',
      '- An access token is never issued for longer than its family has left to its absolute limit.',
      '- A person who signs in without "Keep me signed in" has a session that the browser forgets when it closes, and that',
      '  ends here after the shorter times.',
      '- What an app got without `offline_access` ends with the session: at its absolute limit at the latest, and when the',
      '  person signs out. With `offline_access` it lives by the lines for refresh tokens.',
      '- Service clients have neither sessions nor refresh tokens: they ask again.',
      '- A changed setting holds for what is issued from then on; a family is bound by its absolute limit as it was when it',
      '  began, and by a shorter one from its next refresh.',
      '- Why something ended is recorded: `npx cardea user timeline EMAIL`, `npx cardea client timeline ID`.',
    ].join('\n'),
  ].join('\n\n')}\n`;
}

const name = (row: LifetimeRow) => `\`${row.name}\``;

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}
