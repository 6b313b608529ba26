/** Initial access tokens (RFC 7591 section 1.2): who holds one may register so many clients. */
import { MAX_TTL_SECONDS, MAX_USES } from '../clients/registration-tokens.ts';
import type { RegistrationToken } from '../clients/registrations-store.ts';
import { parseSeconds } from '../config/kinds.ts';
import { type Command, failed, type Input, type Outcome } from './command.ts';
import { operator, type RoomsForCommands } from './rooms-for-commands.ts';
import { clean, textFields, textTable, textTime } from './text-table.ts';
import { wireRegistrationToken } from './wire.ts';

type Rooms = Pick<RoomsForCommands, 'registrationTokens' | 'settings'>;

async function create({ registrationTokens, settings }: Rooms, input: Input): Promise<Outcome> {
  const given = input.text('uses') ?? '1';
  const uses = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (uses < 1 || uses > MAX_USES) {
    return { ...failed('usage', `--uses must be a whole number from 1 to ${MAX_USES}`), exit: 2 };
  }
  const ttlSeconds = parseSeconds(input.text('expires-in') ?? '7d') ?? 0;
  if (ttlSeconds < 1 || ttlSeconds > MAX_TTL_SECONDS) {
    return { ...failed('usage', '--expires-in must be a duration such as 12h or 7d, up to 365d'), exit: 2 };
  }
  const made = await registrationTokens.create({ uses, ttlSeconds }, operator);
  const { policy } = settings.registration;
  return {
    kind: 'done',
    json: { ...wireRegistrationToken(made), token: made.value },
    text: `${textFields([
      ['token', made.value],
      ['id', made.tokenId],
      ['clients', String(made.maxUses)],
      ['until', textTime(made.expiresAt)],
    ])}\nKeep the token now: it is shown this once, and only its digest is stored.\n`,
    ...(policy !== 'token' && {
      warnings: [`CARDEA_REGISTRATION is ${policy}: tokens count once it is set to token.`],
    }),
    next: `Send it as "Authorization: Bearer …" to ${settings.issuer}/oauth2/register`,
  };
}

function row(token: RegistrationToken): readonly string[] {
  return [
    token.tokenId,
    `${token.uses} of ${token.maxUses}`,
    textTime(token.createdAt),
    textTime(token.expiresAt),
  ];
}

export const registrationCommands: readonly Command[] = [
  {
    words: ['client', 'registration-token', 'create'],
    summary: 'let somebody register clients; prints the token once',
    about:
      'For CARDEA_REGISTRATION=token. Hand it to whoever registers; each client that is registered uses it once.',
    options: [
      { name: 'uses', kind: 'text', value: 'N', help: 'how many clients; one when not given' },
      { name: 'expires-in', kind: 'text', value: 'TIME', help: 'such as 12h or 30d; 7d when not given' },
    ],
    examples: [
      'client registration-token create',
      'client registration-token create --uses 20 --expires-in 30d',
    ],
    needs: 'rooms',
    run: create,
  },
  {
    words: ['client', 'registration-token', 'list'],
    summary: 'registration tokens and what is left of them',
    examples: ['client registration-token list'],
    needs: 'rooms',
    async run({ registrationTokens }) {
      const tokens = await registrationTokens.list();
      return {
        kind: 'done',
        json: { registration_tokens: tokens.map(wireRegistrationToken) },
        text: textTable(['TOKEN', 'USED', 'MADE', 'UNTIL'], tokens.map(row)),
      };
    },
  },
  {
    words: ['client', 'registration-token', 'delete'],
    summary: 'stop a registration token',
    about: 'Clients that were registered with it stay.',
    positionals: [{ name: 'TOKEN', option: 'id', help: 'its id, as the list shows it' }],
    examples: ['client registration-token delete rt_5Xk2'],
    needs: 'rooms',
    async run({ registrationTokens }, input) {
      const [id = ''] = input.positionals;
      if (!(await registrationTokens.delete(id, operator))) {
        const next = 'npx cardea client registration-token list shows them all';
        return failed('not_found', `there is no registration token ${clean(id)}`, next);
      }
      return {
        kind: 'done',
        json: { deleted: true, id },
        text: `Deleted the registration token ${id}. It registers nothing any more.\n`,
      };
    },
  },
];
