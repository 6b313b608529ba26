import type { KeyInfo } from '../keys/signing-key.ts';
import type { Command } from './command.ts';
import { byOperator } from './rooms-for-commands.ts';
import { textTable, textTime } from './text-table.ts';
import { wireKey } from './wire.ts';

function tableOf(keys: readonly KeyInfo[]): string {
  return textTable(
    ['KEY', 'ALG', 'STATE', 'PUBLISHED', 'SIGNS SINCE', 'RETIRED'],
    keys.map((key) => [
      key.kid,
      key.alg,
      key.state,
      textTime(key.publishedAt),
      textTime(key.signingAt),
      textTime(key.retiredAt),
    ]),
  );
}

const shown = (keys: readonly KeyInfo[], all: boolean) => keys.filter((key) => all || key.state !== 'gone');

export const keyCommands: readonly Command[] = [
  {
    words: ['keys', 'list'],
    summary: 'the signing keys and their states',
    about: 'published: in the JWKS, does not sign yet. signing. retired: verifies what it signed. gone.',
    options: [{ name: 'all', kind: 'flag', help: 'those that are gone, too' }],
    examples: ['keys list'],
    needs: 'rooms',
    async run({ keys }, input) {
      const found = shown(await keys.list(), input.flag('all') === true);
      return { kind: 'done', json: { keys: found.map(wireKey) }, text: tableOf(found) };
    },
  },
  {
    words: ['keys', 'rotate'],
    summary: 'follow every signing key by a new one',
    about:
      'The new keys are published now and sign after the waiting time, when clients have seen them; old ones go on ' +
      'verifying what they signed.',
    options: [
      {
        name: 'now',
        kind: 'flag',
        help: 'sign with the new keys at once: an emergency; clients that cache the JWKS may fail for a while',
      },
    ],
    examples: ['keys rotate', 'keys rotate --now'],
    needs: 'rooms',
    async run({ keys }, input) {
      const now = input.flag('now') === true;
      const found = shown(await keys.rotate({ now, actor: byOperator.actor }), false);
      return {
        kind: 'done',
        json: { keys: found.map(wireKey) },
        text: tableOf(found),
        next: now
          ? 'The new keys sign now. Clients that have not fetched the JWKS since may refuse tokens until they do.'
          : 'The published keys will sign by themselves after the waiting time; running this again changes nothing until then.',
      };
    },
  },
];
