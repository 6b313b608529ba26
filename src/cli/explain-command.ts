/** Why a request was refused, from the reference that the refused one was told. */
import type { Refusal } from '../audit/refusal.ts';
import { caretLines } from '../protocol/difference.ts';
import { type Explanation, explain } from '../protocol/explanation.ts';
import { type Command, failed, type Outcome } from './command.ts';
import type { RoomsForCommands } from './rooms-for-commands.ts';
import { clean, textFields, textTime } from './text-table.ts';

/** Longer lists of registered values push what matters off the screen; JSON has them all. */
const SHOWN = 12;

function textOf(explanation: Explanation, name: string | undefined): string {
  const { refusal, accepted, difference, mend } = explanation;
  const shown = accepted.slice(0, SHOWN);
  const more = accepted.length - shown.length;
  const sentence = `${explanation.where.charAt(0).toUpperCase()}${explanation.where.slice(1)} was refused: ${refusal.error}`;
  const fields = textFields([
    ['reference', refusal.reference],
    ['when', `${new Date(refusal.at).toISOString().replace('T', ' ').slice(0, 19)} UTC`],
    ['from', `the network ${refusal.network}`],
    ['client', refusal.clientId && (name === undefined ? refusal.clientId : `${refusal.clientId} (${name})`)],
    ['account', refusal.accountId],
    ['request', refusal.requestId],
    ['rule', refusal.rule],
    ['said', refusal.description],
    ['because', refusal.cause],
    ['expected', explanation.expected],
    ['registered', more > 0 ? [...shown, `and ${more} more`] : shown],
    ['received', refusal.received],
  ]);
  const caret = difference
    ? `\nThe first difference of ${difference.parameter}: ${clean(difference.words)}\n\n${cleanLines(caretLines(difference))}`
    : '';
  const commands = mend.commands.map((line) => `  ${clean(line)}\n`).join('');
  return `${sentence}\n\n${fields}${caret}\nWhat mends it: ${clean(mend.text)}\n${commands && `\n${commands}`}`;
}

const cleanLines = (text: string) => text.split('\n').map(clean).join('\n');

function wireExplanation({ refusal, ...told }: Explanation, name: string | undefined) {
  const { difference, mend } = told;
  return {
    reference: refusal.reference,
    at: new Date(refusal.at).toISOString(),
    expires_at: new Date(refusal.expiresAt).toISOString(),
    kind: refusal.kind,
    error: refusal.error,
    error_description: refusal.description ?? null,
    cause: refusal.cause || null,
    rule: refusal.rule,
    expected: told.expected,
    registered: told.accepted,
    received: refusal.received ?? null,
    sent: refusal.sent ?? {},
    client_id: refusal.clientId ?? null,
    client_name: name ?? null,
    account_id: refusal.accountId ?? null,
    network: refusal.network,
    request_id: refusal.requestId ?? null,
    difference: difference
      ? {
          parameter: difference.parameter,
          sent: difference.sent,
          nearest: difference.nearest,
          position: difference.at,
          words: difference.words,
        }
      : null,
    mend: { kind: mend.kind, text: mend.text, commands: mend.commands },
  };
}

async function explained(rooms: RoomsForCommands, refusal: Refusal): Promise<Outcome> {
  const id = refusal.clientId ?? refusal.sent?.client_id;
  const client = id === undefined ? undefined : await rooms.clients.find(id);
  await rooms.lease.renew();
  const explanation = explain(refusal, client, await rooms.resources.all());
  return {
    kind: 'done',
    json: wireExplanation(explanation, client?.name),
    text: textOf(explanation, client?.name),
  };
}

export const explainCommands: readonly Command[] = [
  {
    words: ['explain'],
    summary: 'why a request was refused, and what mends it',
    about:
      'Every refusal shows its reference, on the page or in the answer. It is kept for CARDEA_LIFETIME_REFUSAL (seven ' +
      'days by default), without any code, token or secret.',
    positionals: [
      {
        name: 'REFERENCE',
        option: 'reference',
        help: 'as it was shown: K7QF-2M9D; any case, with or without the dash',
      },
    ],
    examples: ['explain K7QF-2M9D', 'explain K7QF-2M9D --json'],
    needs: 'rooms',
    async run(rooms, input) {
      const [given = ''] = input.positionals;
      const found = await rooms.refusals.look(given);
      switch (found.kind) {
        case 'found':
          return explained(rooms, found.refusal);
        case 'malformed':
          return failed(
            'invalid',
            `${clean(given.slice(0, 40))} is no reference`,
            'A reference has eight letters and digits: K7QF-2M9D. It stands at the foot of the page or in the answer.',
          );
        case 'sampled':
          return failed(
            'not_recorded',
            'this refusal was not recorded: its network had been refused so often just then that only samples were kept',
            'Make the request again in a minute and ask for its new reference. (Or the reference is mistyped.)',
          );
        case 'expired':
          return failed(
            'expired',
            `what was recorded under this reference has expired (${textTime(found.expiredAt)})`,
            'Make the request again and ask for its new reference.',
          );
        case 'unknown':
          return failed(
            'not_found',
            'there is no record under this reference',
            'It is mistyped, from another installation, or older than refusals are kept (CARDEA_LIFETIME_REFUSAL). ' +
              'Make the request again and ask for its new reference.',
          );
      }
    },
  },
];
