/** What concerns the installation as a whole: its database. */
import type { Command } from './command.ts';

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
];
