/** `user sessions` and `user sign-out`: where an account is signed in, and ending it from the command line. */
import type { SessionRecord } from '../storage/session-reads.ts';
import { type Command, failed } from './command.ts';
import { done, onAccount } from './on-account.ts';
import { byOperator } from './rooms-for-commands.ts';
import { textTable, textTime } from './text-table.ts';

export const sessionCommands: readonly Command[] = [
  onAccount(
    ['user', 'sessions'],
    { summary: 'where an account is signed in: browser, network, since when' },
    async ({ browserSessions }, found) => {
      const sessions = await browserSessions.list(found.id);
      return {
        kind: 'done',
        json: { sessions: sessions.map(wireSession) },
        text:
          sessions.length === 0
            ? `${found.email} is signed in nowhere.\n`
            : textTable(
                ['LAST USED', 'SIGNED IN', 'BROWSER', 'SYSTEM', 'NETWORK', 'ID'],
                sessions.map((one) => [
                  textTime(one.lastSeenAt),
                  textTime(one.startedAt),
                  one.browser ?? '',
                  one.system ?? '',
                  one.lastNetwork,
                  one.id,
                ]),
              ),
      };
    },
  ),
  onAccount(
    ['user', 'sign-out'],
    {
      summary: 'sign an account out everywhere, or in one browser',
      about:
        'Ends sessions and every app signed in to in them, those that keep their access offline too, on every process within a second.',
      options: [
        {
          name: 'id',
          kind: 'text',
          value: 'SESSION',
          help: 'this session only; npx cardea user sessions shows them',
        },
      ],
    },
    async (rooms, found, input) => {
      const id = input.text('id');
      if (id === undefined) {
        await rooms.sessions.signOutEverywhere(found.id, byOperator);
        return done(rooms, found, `Signed ${found.email} out everywhere.\n`);
      }
      if (!(await rooms.browserSessions.end(found.id, id, byOperator))) {
        return failed(
          'not_found',
          'the account has no living session of that id',
          `npx cardea user sessions ${found.email} shows them`,
        );
      }
      return done(rooms, found, `Signed ${found.email} out in that browser.\n`);
    },
  ),
];

function wireSession(one: SessionRecord) {
  const iso = (at: number) => new Date(at).toISOString();
  return {
    id: one.id,
    browser: one.browser,
    system: one.system,
    device: one.device,
    network: one.lastNetwork,
    amr: one.amr,
    remembered: one.remembered,
    started_at: iso(one.startedAt),
    last_used_at: iso(one.lastSeenAt),
    ends_at: iso(one.ends),
  };
}
