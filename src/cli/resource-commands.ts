import type { ResourceServerInput } from '../clients/resource-rules.ts';
import type { AccessTokenAlg, ResourceServer } from '../clients/resource-server.ts';
import { type Command, type Failed, failed, type Input, type Option } from './command.ts';
import { faultsFound } from './faults.ts';
import { byOperator, operator, type RoomsForCommands } from './rooms-for-commands.ts';
import { clean, textFields, textTable } from './text-table.ts';
import { wireResource } from './wire.ts';

const audience = { name: 'AUDIENCE', option: 'audience', help: 'the audience of its tokens' } as const;

const settable: readonly Option[] = [
  {
    name: 'scope',
    kind: 'texts',
    value: 'SCOPE',
    help: "a scope, or 'scope what the consent page says of it'; may be given again",
  },
  {
    name: 'token-format',
    kind: 'text',
    value: 'FORMAT',
    choices: ['jwt', 'opaque'],
    help: 'jwt (checked by the API itself) or opaque (introspected); jwt when not given',
  },
  { name: 'token-ttl', kind: 'text', value: 'SECONDS', help: 'how long its access tokens live' },
  {
    name: 'signing-alg',
    kind: 'text',
    value: 'ALG',
    choices: ['ES256', 'RS256', 'EdDSA', 'PS256'],
    help: 'ES256 when not given',
  },
  {
    name: 'client',
    kind: 'text',
    value: 'ID',
    help: 'the client whose credentials the API introspects with',
  },
  {
    name: 'authorization-type',
    kind: 'file',
    value: 'FILE',
    help: 'the types of authorization_details it understands (RFC 9396), as JSON: one or a list; [] for none',
  },
];

const noResource = (given: string) =>
  failed(
    'not_found',
    `there is no resource server ${clean(given)}`,
    'npx cardea resource list shows them all',
  );

/** A scope has no space (RFC 6749 section 3.3): what follows one is for people. */
function scopesOf(input: Input): ResourceServerInput['scopes'] {
  const given = input.texts('scope');
  if (given?.length === 1 && given[0] === '') return null;
  return given?.map((text) => {
    const [, name = '', description] = /^(\S*)(?:\s+(.*))?$/s.exec(text) ?? [];
    return description ? { name, description } : name;
  });
}

/** What was given, unjudged: the rules name every fault at once. An empty value takes a member back to its default. */
function settingsOf(input: Input, types: unknown): Partial<ResourceServerInput> {
  const textOrNull = (name: string) => (input.text(name) === '' ? null : input.text(name));
  const seconds = textOrNull('token-ttl');
  return {
    scopes: scopesOf(input),
    tokenFormat: textOrNull('token-format') as ResourceServerInput['tokenFormat'],
    accessTokenTtlSeconds: typeof seconds === 'string' ? Number(seconds) : seconds,
    signingAlg: textOrNull('signing-alg') as AccessTokenAlg | null | undefined,
    introspectionClientId: textOrNull('client'),
    authorizationTypes: types as ResourceServerInput['authorizationTypes'],
  };
}

/** The list in the file; undefined when none was given. */
function typesOf(input: Input): { types: unknown } | Failed {
  const text = input.file('authorization-type');
  if (text === undefined) return { types: undefined };
  try {
    const read: unknown = JSON.parse(text);
    return { types: Array.isArray(read) ? read : [read] };
  } catch {
    return failed(
      'invalid',
      '--authorization-type is not JSON',
      'It looks like {"type":"payment","description":"Pay {amount} to {to}","schema":{…}}: see docs/authorization-details.md',
    );
  }
}

/** Past the cache, which may be a second old. */
async function oneResource(
  { resources, lease }: RoomsForCommands,
  given: string,
): Promise<ResourceServer | undefined> {
  await lease.renew();
  return (await resources.all()).find((server) => server.audience === given);
}

export const resourceCommands: readonly Command[] = [
  {
    words: ['resource', 'create'],
    summary: 'register a resource server: an API that tokens are for',
    options: [
      {
        name: 'audience',
        kind: 'text',
        value: 'AUDIENCE',
        required: true,
        help: 'its audience, a URI; never changes',
      },
      { name: 'name', kind: 'text', value: 'NAME', required: true, help: 'its name for people' },
      ...settable,
    ],
    examples: [
      "resource create --audience https://api.example.com --name Orders --scope 'orders:read Read your orders'",
    ],
    needs: 'rooms',
    async run({ resources }, input) {
      const wanted = input.text('audience') ?? '';
      const given = typesOf(input);
      if ('kind' in given) return given;
      const made = await resources.create(
        { audience: wanted, name: input.text('name') ?? '', ...settingsOf(input, given.types) },
        operator,
      );
      if (made.kind === 'faults') return faultsFound('the resource server was not registered', made.faults);
      if (made.kind !== 'created')
        return failed('exists', `there is a resource server ${clean(wanted)} already`);
      const { server } = made;
      return {
        kind: 'done',
        json: wireResource(server),
        text: `Registered the resource server ${server.name} (${server.audience}).\n`,
        next: `Let a service call it:  npx cardea client create --name Worker --type service --resource ${server.audience}`,
      };
    },
  },
  {
    words: ['resource', 'list'],
    summary: 'all resource servers',
    examples: ['resource list'],
    needs: 'rooms',
    async run({ resources, lease }) {
      await lease.renew();
      const all = await resources.all();
      return {
        kind: 'done',
        json: { resources: all.map(wireResource) },
        text: textTable(
          ['AUDIENCE', 'NAME', 'TOKENS', 'SCOPES'],
          all.map((one) => [
            one.audience,
            one.name,
            one.tokenFormat,
            one.scopes.map(({ name }) => name).join(' '),
          ]),
        ),
      };
    },
  },
  {
    words: ['resource', 'show'],
    summary: 'one resource server and its roles',
    positionals: [audience],
    examples: ['resource show https://api.example.com'],
    needs: 'rooms',
    async run(rooms, input) {
      const [given = ''] = input.positionals;
      const server = await oneResource(rooms, given);
      if (!server) return noResource(given);
      const roles = await rooms.roles.list(server.audience);
      const text = textFields([
        ['audience', server.audience],
        ['name', server.name],
        [
          'scopes',
          server.scopes.map(({ name, description }) => (description ? `${name}  ${description}` : name)),
        ],
        ['tokens', `${server.tokenFormat}, ${server.signingAlg}`],
        [
          'token life',
          server.accessTokenTtlSeconds === undefined ? undefined : `${server.accessTokenTtlSeconds} s`,
        ],
        ['introspected by', server.introspectionClientId],
        ['details', server.authorizationTypes?.map(({ type, description }) => `${type}  ${description}`)],
        ['roles', roles.map((role) => `${role.name}: ${role.permissions.join(' ')}`)],
      ]);
      return { kind: 'done', json: { ...wireResource(server), roles: roles.map(({ name }) => name) }, text };
    },
  },
  {
    words: ['resource', 'update'],
    summary: 'change a resource server',
    about: 'What is not given stays; lists are replaced as a whole; an empty value goes back to the default.',
    positionals: [audience],
    options: [{ name: 'name', kind: 'text', value: 'NAME', help: 'its name for people' }, ...settable],
    examples: ['resource update https://api.example.com --scope orders:read --scope orders:write'],
    needs: 'rooms',
    async run({ resources }, input) {
      const [given = ''] = input.positionals;
      const name = input.text('name');
      const file = typesOf(input);
      if ('kind' in file) return file;
      const made = await resources.update(
        given,
        { ...settingsOf(input, file.types), ...(name !== undefined && { name }) },
        operator,
      );
      if (made.kind === 'faults') return faultsFound('the resource server was not changed', made.faults);
      if (made.kind !== 'updated') return noResource(given);
      return {
        kind: 'done',
        json: wireResource(made.server),
        text: `Changed the resource server ${made.server.audience}.\n`,
      };
    },
  },
  {
    words: ['resource', 'delete'],
    summary: 'delete a resource server',
    about:
      'No new tokens for it from now on; those that were issued live until they expire. Its roles go with it.',
    positionals: [audience],
    examples: ['resource delete https://api.example.com'],
    needs: 'rooms',
    async run({ resources, roles }, input) {
      const [given = ''] = input.positionals;
      const outcome = await resources.delete(given, operator);
      if (outcome === 'absent') return noResource(given);
      if (outcome === 'kept') return failed('kept', `the resource server ${given} is Cardea's own and stays`);
      // A resource server of the same audience that comes later must not find people who hold roles at it.
      for (const role of await roles.list(given))
        await roles.delete({ audience: given, role: role.name }, byOperator);
      return {
        kind: 'done',
        json: { deleted: true, audience: given },
        text: `Deleted the resource server ${clean(given)} and its roles. Tokens for it live until they expire.\n`,
      };
    },
  },
];
