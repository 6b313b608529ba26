import { profiles } from '../clients/profile-rules.ts';
import {
  createClient,
  listClientPage,
  removeClient,
  rotateSecret,
  setClientStatus,
  showClient,
  showClientTimeline,
  updateClient,
} from './client-actions.ts';
import { checkClient } from './client-check.ts';
import { clientOptions } from './client-options.ts';
import type { Command } from './command.ts';
import { pageOptions } from './pages-of-lists.ts';

const client = { name: 'CLIENT', option: 'id', help: 'its client_id' } as const;
const types = ['web', 'spa', 'native', 'service', 'device'] as const;
const name = { name: 'name', kind: 'text', value: 'NAME', help: 'what people read' } as const;
const type = { name: 'type', kind: 'text', value: 'TYPE', choices: types } as const;
const onClient = { positionals: [client], needs: 'rooms' } as const;

export const clientCommands: readonly Command[] = [
  {
    words: ['client', 'create'],
    summary: 'register a client; prints its new secret once',
    options: [
      {
        name: 'id',
        kind: 'text',
        value: 'ID',
        help: 'its client_id; made at random when not given; never changes',
      },
      { ...name, required: true },
      { ...type, required: true, help: 'what it is; decides its defaults; never changes' },
      ...clientOptions,
    ],
    examples: [
      'client create --id shop --name Shop --type web --redirect-uri https://shop.example.com/callback',
      'client create --id worker --name Worker --type service --resource https://api.example.com',
    ],
    needs: 'rooms',
    run: createClient,
  },
  {
    words: ['client', 'list'],
    summary: 'clients, by id',
    options: pageOptions,
    examples: ['client list'],
    needs: 'rooms',
    run: listClientPage,
  },
  {
    words: ['client', 'show'],
    summary: 'one client and its secrets, without their values',
    examples: ['client show shop'],
    ...onClient,
    run: showClient,
  },
  {
    words: ['client', 'timeline'],
    summary: 'what happened to a client, newest first: who signed in with it, and why that ended',
    options: pageOptions,
    examples: ['client timeline shop', 'client timeline shop --json --limit 200'],
    ...onClient,
    run: showClientTimeline,
  },
  {
    words: ['client', 'update'],
    summary: 'change a client',
    about: 'What is not given stays; lists are replaced as a whole; an empty value goes back to the default.',
    options: [name, { ...type, help: 'what it is already; it never changes' }, ...clientOptions],
    examples: ['client update shop --redirect-uri https://shop.example.com/callback --no-first-party'],
    ...onClient,
    run: updateClient,
  },
  {
    words: ['client', 'check'],
    summary: 'what its security profile asks, and whether it meets that',
    about: 'Another profile than its own may be asked about, to see what is missing.',
    options: [
      {
        name: 'profile',
        kind: 'text',
        value: 'PROFILE',
        choices: profiles,
        help: 'its own when not given',
      },
    ],
    examples: ['client check shop', 'client check shop --profile fapi2'],
    ...onClient,
    run: checkClient,
  },
  {
    words: ['client', 'rotate-secret'],
    summary: 'make a new secret; prints it once',
    about: 'The old ones work for another day, so that every machine can change over.',
    options: [{ name: 'now', kind: 'flag', help: 'the old ones stop at once' }],
    examples: ['client rotate-secret shop', 'client rotate-secret shop --now'],
    ...onClient,
    run: rotateSecret,
  },
  {
    words: ['client', 'disable'],
    summary: 'stop a client',
    about: 'Ends everything that was issued to it.',
    examples: ['client disable shop'],
    ...onClient,
    run: setClientStatus(
      'disable',
      (id) => `Disabled the client ${id}. Everything that was issued to it has ended.\n`,
    ),
  },
  {
    words: ['client', 'enable'],
    summary: 'let a client work again',
    about: 'What has ended stays ended.',
    examples: ['client enable shop'],
    ...onClient,
    run: setClientStatus('enable', (id) => `Enabled the client ${id}.\n`),
  },
  {
    words: ['client', 'delete'],
    summary: 'delete a client for good',
    about: 'Ends everything that was issued to it; its secrets and roles go with it.',
    examples: ['client delete shop'],
    ...onClient,
    run: removeClient,
  },
];
