/** What concerns the installation as a whole: its database and its refusals. */
import { type Command, failed } from './command.ts';
import { clean, textFields, textTime } from './text-table.ts';

export const installationCommands: readonly Command[] = [
  {
    words: ['migrate'],
    summary: 'apply pending migrations; safe when several processes do so at once',
    options: [{ name: 'status', kind: 'flag', help: 'only say which are pending' }],
    examples: ['migrate --status', 'migrate'],
    needs: 'database',
    async run({ database }, input) {
      const { migrate, pendingMigrations } = await import('../storage/migrator.ts');
      if (input.flag('status') === true) {
        const pending = await pendingMigrations(database.db);
        const none = pending.length === 0;
        return {
          kind: 'done',
          json: { pending },
          text: none ? 'The database is up to date.\n' : `Pending:\n  ${pending.join('\n  ')}\n`,
          ...(!none && { next: 'npx cardea migrate applies them.' }),
        };
      }
      const applied = await migrate(database.db);
      const text =
        applied.length === 0 ? 'The database was up to date.\n' : `Applied:\n  ${applied.join('\n  ')}\n`;
      return { kind: 'done', json: { applied }, text };
    },
  },
  {
    words: ['explain'],
    summary: 'why a request was refused',
    about: 'Every refusal shows a short reference, such as K7QF-2M9D; its story is kept for seven days.',
    positionals: [{ name: 'REFERENCE', help: 'the reference that the refused one was shown' }],
    examples: ['explain K7QF-2M9D'],
    needs: 'rooms',
    async run({ refusals }, input) {
      const [reference = ''] = input.positionals;
      const found = await refusals.find(reference);
      if (!found) {
        return failed(
          'not_found',
          `no refusal is recorded under ${clean(reference.slice(0, 40))}`,
          'Refusals are kept for seven days, and of one network only so many a minute.',
        );
      }
      return {
        kind: 'done',
        json: {
          reference: found.reference,
          at: new Date(found.at).toISOString(),
          kind: found.kind,
          error: found.error,
          rule: found.rule,
          expected: found.expected ?? null,
          received: found.received ?? null,
          client_id: found.clientId ?? null,
          account_id: found.accountId ?? null,
          network: found.network,
          request_id: found.requestId ?? null,
        },
        text: textFields([
          ['reference', found.reference],
          ['when', textTime(found.at)],
          ['where', found.kind],
          ['error', found.error],
          ['rule', found.rule],
          ['expected', found.expected],
          ['received', found.received],
          ['client', found.clientId],
          ['account', found.accountId],
          ['network', found.network],
        ]),
      };
    },
  },
];
