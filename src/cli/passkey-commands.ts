/** The help desk's part of passkeys: which an account has, and taking one away that is lost or stolen. */
import { type Command, failed } from './command.ts';
import { onAccount } from './on-account.ts';
import { byOperator } from './rooms-for-commands.ts';
import { textTable, textTime } from './text-table.ts';

const time = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString());
const noneHere = () =>
  failed('unavailable', 'there are no passkeys here: the host of CARDEA_ISSUER is an address, not a name');

export const passkeyCommands: readonly Command[] = [
  onAccount(
    ['user', 'passkeys'],
    { summary: 'the passkeys of an account: what keeps them, when they were added and last used' },
    async ({ passkeys }, found) => {
      if (!passkeys) return noneHere();
      const all = (await passkeys.list(found.id)).map((one) => ({
        ...one,
        works: one.rpId === passkeys.rpId,
        called: one.name ?? one.keeper ?? 'Passkey',
      }));
      return {
        kind: 'done',
        json: {
          id: found.id,
          email: found.email,
          passkeys: all.map((one) => ({
            id: one.id,
            name: one.name ?? null,
            kept_by: one.keeper ?? null,
            synced: one.synced,
            works: one.works,
            added_at: time(one.createdAt),
            last_used_at: time(one.lastUsedAt),
          })),
        },
        text:
          all.length === 0
            ? `${found.email} has no passkey.\n`
            : textTable(
                ['PASSKEY', 'ADDED', 'LAST USED', 'DEVICES', 'ID'],
                all.map((one) => [
                  one.works ? one.called : `${one.called} (made for ${one.rpId})`,
                  textTime(one.createdAt),
                  one.lastUsedAt === undefined ? '' : textTime(one.lastUsedAt),
                  one.synced ? 'all of theirs' : 'one',
                  one.id,
                ]),
              ),
      };
    },
  ),
  onAccount(
    ['user', 'remove-passkey'],
    {
      summary: 'take a passkey from an account, for somebody who has lost it',
      about:
        'Make sure that it is really the holder who asks. They are told by mail; recovery codes go with the last factor. What is signed in stays so: user sign-out ends it.',
      options: [
        {
          name: 'passkey',
          kind: 'text',
          value: 'ID',
          help: 'which one, as user passkeys shows it',
          required: true,
        },
      ],
      example: ' --passkey ID',
    },
    async ({ passkeys }, found, input) => {
      if (!passkeys) return noneHere();
      const id = input.text('passkey') ?? '';
      const { kind } = await passkeys.remove(found.id, id, byOperator);
      switch (kind) {
        case 'absent':
          return failed(
            'not_found',
            'the account has no such passkey',
            `npx cardea user passkeys ${found.email}`,
          );
        case 'last':
          return failed(
            'last',
            'this passkey is the only way to sign in to the account, which would be closed to its holder',
            `npx cardea user set-password ${found.email} first, or let them choose a new password by mail`,
          );
        case 'removed':
          return {
            kind: 'done',
            json: { id: found.id, email: found.email, removed: id },
            text: `Removed the passkey of ${found.email}.\n`,
            next: `npx cardea user sign-out ${found.email} ends what is signed in, if somebody else may have had it`,
          };
      }
    },
  ),
];
