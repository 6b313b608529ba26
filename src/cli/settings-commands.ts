/** The commands that need no more than the settings: running the provider, and judging the settings. */
import type { Command } from './command.ts';
import { textFields } from './text-table.ts';

export const settingsCommands: readonly Command[] = [
  {
    words: ['serve'],
    summary: 'run the provider until it is told to stop',
    options: [
      {
        name: 'migrate',
        kind: 'flag',
        help: 'apply pending migrations first; the embedded database always does',
      },
    ],
    examples: ['serve', 'serve --migrate --config /etc/cardea.conf'],
    needs: 'settings',
    async run(settings, input) {
      const { serve } = await import('../main.ts');
      return { kind: 'exit', exit: await serve(settings, { migrate: input.flag('migrate') === true }) };
    },
  },
  {
    words: ['config', 'check'],
    summary: 'judge the settings and name every fault, without opening anything',
    examples: ['config check', 'config check --config /etc/cardea.conf'],
    needs: 'settings',
    async run({ setup, issuer, host, port, dataDir }) {
      const embedded = setup === 'embedded';
      return {
        kind: 'done',
        json: { ok: true, setup, issuer, host, port, ...(embedded && { data_dir: dataDir }) },
        text: `The settings are good.\n\n${textFields([
          ['set-up', { embedded: 'embedded database', plain: 'Postgres', full: 'Postgres and Redis' }[setup]],
          ['issuer', issuer],
          ['listens on', `${host}, port ${port}`],
          ['data', embedded ? dataDir : undefined],
        ])}`,
      };
    },
  },
];
