/** Invitations: an address, the roles that its account gets, and a mail that nobody else can use. */
import { MAX_INVITATION_SECONDS } from '../accounts/invitations.ts';
import type { Invitation } from '../accounts/invitations-store.ts';
import { parseSeconds } from '../config/kinds.ts';
import { type Command, failed, type Input, type Outcome } from './command.ts';
import { faultsFound } from './faults.ts';
import { byOperator, type RoomsForCommands } from './rooms-for-commands.ts';
import { clean, textFields, textTable, textTime } from './text-table.ts';
import { wireInvitation } from './wire.ts';

type Rooms = Pick<RoomsForCommands, 'invitations' | 'settings' | 'languages'>;

const rolesOf = ({ roles }: Invitation) => roles.map(({ audience, role }) => `${role} (${audience})`);

/** `administrator`, or `AUDIENCE=clerk` when several resource servers have a clerk. */
function roleOf(given: string) {
  const at = given.lastIndexOf('=');
  return at === -1 ? { role: given } : { audience: given.slice(0, at), role: given.slice(at + 1) };
}

async function create({ invitations, settings, languages }: Rooms, input: Input): Promise<Outcome> {
  if (settings.mail.kind === 'off') {
    return failed(
      'mail_off',
      'an invitation is a mail, and no mail is sent',
      'set CARDEA_SMTP_URL and CARDEA_MAIL_FROM, or make the account: npx cardea user create',
    );
  }
  const given = input.text('expires-in');
  const lifetimeSeconds = given === undefined ? undefined : (parseSeconds(given) ?? 0);
  if (lifetimeSeconds !== undefined && (lifetimeSeconds < 60 || lifetimeSeconds > MAX_INVITATION_SECONDS)) {
    return {
      ...failed('usage', '--expires-in must be a duration such as 12h or 7d, from 1m to 90d'),
      exit: 2,
    };
  }
  const locale = input.text('language');
  if (locale !== undefined && !languages.locales.includes(locale)) {
    return { ...failed('usage', `--language is one of ${languages.locales.join(', ')}`), exit: 2 };
  }
  const roles = (input.texts('role') ?? []).map(roleOf);
  const made = await invitations.create(
    { email: input.text('email') ?? '', roles, lifetimeSeconds, locale },
    byOperator,
  );
  if (made.kind === 'faults') {
    const next = made.faults.some(({ field }) => field === 'role')
      ? 'npx cardea role list shows all roles; --role AUDIENCE=ROLE says which'
      : undefined;
    return faultsFound('nobody was invited', made.faults, next);
  }
  if (made.kind === 'taken') {
    return failed(
      'exists',
      'an account has this address already',
      'npx cardea user grant-role EMAIL ROLE gives it a role',
    );
  }
  const { invitation } = made;
  return {
    kind: 'done',
    json: wireInvitation(invitation),
    text: textFields([
      ['invited', invitation.email],
      ['id', invitation.id],
      ['roles', rolesOf(invitation)],
      ['until', textTime(invitation.expiresAt)],
    ]),
    next:
      settings.mail.kind === 'box'
        ? `The mail with the link is at ${settings.issuer}/mailbox`
        : 'The link and code are on their way by mail.',
  };
}

export const invitationCommands: readonly Command[] = [
  {
    words: ['invitation', 'create'],
    summary: 'invite somebody by mail, with the roles that their account gets',
    about:
      'Counts whatever CARDEA_SIGN_UP says, for this address alone and once. An earlier one of the address is void.',
    options: [
      { name: 'email', kind: 'text', value: 'EMAIL', required: true, help: 'the address' },
      {
        name: 'role',
        kind: 'texts',
        value: 'ROLE',
        help: 'a role, or AUDIENCE=ROLE; may be given again',
      },
      { name: 'expires-in', kind: 'text', value: 'TIME', help: 'such as 12h or 14d' },
      {
        name: 'language',
        kind: 'text',
        value: 'LANG',
        help: 'of the mail; the default one when not given',
      },
    ],
    examples: [
      'invitation create --email ada@example.com',
      'invitation create --email ada@example.com --role https://api.example.com=clerk --expires-in 14d',
    ],
    needs: 'rooms',
    run: create,
  },
  {
    words: ['invitation', 'list'],
    summary: 'invitations that nobody has accepted yet',
    examples: ['invitation list'],
    needs: 'rooms',
    async run({ invitations }) {
      const all = await invitations.list();
      return {
        kind: 'done',
        json: { invitations: all.map(wireInvitation) },
        text: textTable(
          ['INVITATION', 'E-MAIL', 'ROLES', 'MADE', 'UNTIL'],
          all.map((one) => [
            one.id,
            one.email,
            rolesOf(one).join(' '),
            textTime(one.createdAt),
            textTime(one.expiresAt),
          ]),
        ),
      };
    },
  },
  {
    words: ['invitation', 'delete'],
    summary: 'take an invitation back',
    about: 'Its link and code no longer work.',
    positionals: [{ name: 'INVITATION', option: 'id', help: 'its id, as the list shows it' }],
    examples: ['invitation delete inv_5Xk2'],
    needs: 'rooms',
    async run({ invitations }, input) {
      const [id = ''] = input.positionals;
      if (!(await invitations.delete(id, byOperator))) {
        const next = 'npx cardea invitation list shows them all';
        return failed('not_found', `there is no invitation ${clean(id)}`, next);
      }
      return {
        kind: 'done',
        json: { deleted: true, id },
        text: `Deleted the invitation ${id}. It makes no account any more.\n`,
      };
    },
  },
];
