/** The mails: which there are, what each says, whether the server takes one, and whether the templates are whole. */

import type { MailKind } from '../mail/message.ts';
import { samples } from '../mail/samples.ts';
import { lintTemplates } from '../mail/template-lint.ts';
import { type Command, failed, type Input, type Outcome } from './command.ts';
import type { RoomsForCommands } from './rooms-for-commands.ts';
import { clean, textTable } from './text-table.ts';

type Rooms = Pick<RoomsForCommands, 'mail' | 'languages'>;

const kinds = Object.keys(samples) as MailKind[];
const locale = {
  name: 'locale',
  kind: 'text',
  value: 'LANG',
  help: 'its language; the default one when not given',
} as const;
const which = { name: 'KIND', option: 'kind', help: 'as the list shows it' } as const;

type Asked =
  | { readonly kind: 'mail'; readonly mail: MailKind; readonly locale: string }
  | { readonly kind: 'wrong'; readonly outcome: Outcome };

function asked({ languages }: Rooms, input: Input): Asked {
  const [given = ''] = input.positionals;
  const mail = kinds.find((kind) => kind === given);
  const [first = 'en'] = languages.locales;
  const wanted = input.text('locale') ?? first;
  if (!mail) {
    const next = 'npx cardea mail list shows them all';
    return {
      kind: 'wrong',
      outcome: failed('not_found', `there is no mail of the kind ${clean(given)}`, next),
    };
  }
  if (!languages.locales.includes(wanted)) {
    const known = languages.locales.join(', ');
    return { kind: 'wrong', outcome: { ...failed('usage', `--locale is one of ${known}`), exit: 2 } };
  }
  return { kind: 'mail', mail, locale: wanted };
}

export const mailCommands: readonly Command[] = [
  {
    words: ['mail', 'list'],
    summary: 'the kinds of mail, with their version and who causes them',
    examples: ['mail list'],
    needs: 'rooms',
    async run({ mail }) {
      const listed = [...mail.templates.files].map(([kind, { version, asked: byAnybody, variables }]) => ({
        kind,
        version,
        asked: byAnybody,
        variables: Object.keys(variables),
      }));
      return {
        kind: 'done',
        json: { mails: listed },
        text: textTable(
          ['KIND', 'VERSION', 'CAUSED BY', 'VARIABLES'],
          listed.map((one) => [
            one.kind,
            String(one.version),
            one.asked ? 'whoever asks' : 'what happened',
            one.variables.join(', '),
          ]),
        ),
      };
    },
  },
  {
    words: ['mail', 'preview'],
    summary: 'what a mail says, with made-up names, code and link',
    positionals: [which],
    options: [locale, { name: 'html', kind: 'flag', help: 'its HTML part instead of its text part' }],
    examples: ['mail preview new-device', 'mail preview reset-password --locale de --html'],
    needs: 'rooms',
    async run(rooms, input) {
      const what = asked(rooms, input);
      if (what.kind === 'wrong') return what.outcome;
      const rendered = rooms.mail.templates.render(what.mail, samples[what.mail], what.locale);
      return {
        kind: 'done',
        json: { kind: what.mail, locale: what.locale, ...rendered },
        text: input.flag('html') ? rendered.html : `Subject: ${rendered.subject}\n\n${rendered.text}`,
      };
    },
  },
  {
    words: ['mail', 'send-test'],
    summary: 'send one mail now, with made-up content, and say what the server answered',
    about: 'It goes past the outbox and its budgets. Its code and its links work nowhere.',
    positionals: [which],
    options: [{ name: 'to', kind: 'text', value: 'EMAIL', required: true, help: 'who gets it' }, locale],
    examples: ['mail send-test new-device --to me@example.com'],
    needs: 'rooms',
    async run(rooms, input) {
      const what = asked(rooms, input);
      if (what.kind === 'wrong') return what.outcome;
      const to = input.text('to') ?? '';
      if (!/^[^\s@<>",;]+@[^\s@<>",;]+$/.test(to))
        return { ...failed('usage', '--to is one e-mail address'), exit: 2 };
      const rendered = rooms.mail.templates.render(what.mail, samples[what.mail], what.locale);
      const outcome = await rooms.mail.sendNow({ ...rendered, to });
      switch (outcome) {
        case 'sent':
          return {
            kind: 'done',
            json: { sent: true, to },
            text: `The mail server took it for ${clean(to)}.\n`,
          };
        case 'no-server':
          return failed('unavailable', 'no mail server is set', 'set CARDEA_SMTP_URL and CARDEA_MAIL_FROM');
        case 'refused':
          return failed(
            'refused',
            'the mail server will not take it, however often it is asked',
            'look at its log, and at CARDEA_MAIL_FROM',
          );
        case 'later':
          return failed(
            'unavailable',
            'the mail server does not answer, or not now',
            'look at CARDEA_SMTP_URL, then try again',
          );
      }
    },
  },
  {
    words: ['mail', 'lint'],
    summary: 'whether every mail has all its words and variables, in every language',
    examples: ['mail lint'],
    needs: 'rooms',
    async run({ mail, languages }) {
      const faults = lintTemplates(mail.templates.files, languages.files);
      if (faults.length > 0) {
        return failed(
          'invalid',
          `${faults.length} faults:\n  ${faults.join('\n  ')}`,
          'mend views/mail and views/locales',
        );
      }
      const count = mail.templates.files.size;
      return {
        kind: 'done',
        json: { mails: count, languages: languages.locales, faults: [] },
        text: `${count} mails in ${languages.locales.join(', ')}: nothing is missing, nothing is left over.\n`,
      };
    },
  },
];
