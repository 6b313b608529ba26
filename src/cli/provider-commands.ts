/** Other providers that people sign in with. */
import { callbackPath, type Preset, type Provider } from '../upstream/provider.ts';
import type { ProviderChanged } from '../upstream/providers.ts';
import { type Command, type Failed, failed, type Input, type Outcome } from './command.ts';
import { faultsFound } from './faults.ts';
import { presetOption, providerInput, providerOptions } from './provider-options.ts';
import { operator, type RoomsForCommands } from './rooms-for-commands.ts';
import { clean, textFields, textTable, textTime } from './text-table.ts';

type Rooms = Pick<RoomsForCommands, 'providers' | 'settings'>;

const positionals = [{ name: 'PROVIDER', option: 'id', help: 'its id' }] as const;

function wireProvider(provider: Provider, issuer: string) {
  const { endpoints, trusted } = provider;
  return {
    id: provider.providerId,
    name: provider.name,
    enabled: provider.enabled,
    kind: provider.kind,
    ...(provider.preset && { preset: provider.preset }),
    issuer: provider.issuer,
    client_id: provider.clientId,
    token_endpoint_auth_method: provider.authMethod,
    redirect_uri: issuer + callbackPath(provider.providerId),
    scope: provider.scopes.join(' '),
    response_mode: provider.responseMode,
    ...(endpoints && {
      authorization_endpoint: endpoints.authorization,
      token_endpoint: endpoints.token,
      userinfo_endpoint: endpoints.userinfo,
    }),
    domains: provider.domains,
    ...(provider.tenants && { tenants: provider.tenants }),
    claims: provider.claims,
    trust_email_verified: provider.trustEmailVerified,
    trusted,
    created_at: new Date(provider.createdAt).toISOString(),
    updated_at: new Date(provider.updatedAt).toISOString(),
  };
}

function shown(provider: Provider, issuer: string): Extract<Outcome, { kind: 'done' }> {
  return {
    kind: 'done',
    json: wireProvider(provider, issuer),
    text: textFields([
      ['id', provider.providerId],
      ['name', provider.name],
      ['state', provider.enabled ? 'enabled' : 'disabled'],
      ['kind', provider.kind],
      ['issuer', provider.issuer],
      ['client id', provider.clientId],
      ['authenticates by', provider.authMethod],
      ['redirect URI', issuer + callbackPath(provider.providerId)],
      ['scopes', provider.scopes],
      ['domains', provider.domains],
      ['tenants', provider.tenants ?? []],
      ['claims', Object.entries(provider.claims).map(([claim, path]) => `${claim} from ${path}`)],
      ['its word on e-mail', provider.trustEmailVerified ? 'believed for new accounts' : 'not believed'],
      ['levels', provider.trusted.map(({ claim, value, level }) => `${claim} ${value} is ${level}`)],
      ['made', textTime(provider.createdAt)],
    ]),
  };
}

function outcomeOf(changed: ProviderChanged, id: string, what: string): Failed | Provider {
  switch (changed.kind) {
    case 'stored':
      return changed.provider;
    case 'faults':
      // Of a client, that member is its --id.
      return faultsFound(
        what,
        changed.faults.map((one) => (one.field === 'clientId' ? { ...one, field: 'client-id' } : one)),
      );
    case 'exists':
      return failed(
        'exists',
        `there is a provider ${clean(id)} already`,
        `npx cardea provider update ${clean(id)}`,
      );
    case 'absent':
      return notFound(id);
  }
}

function notFound(id: string): Failed {
  return failed('not_found', `there is no provider ${clean(id)}`, 'npx cardea provider list shows them all');
}

const isFailed = (value: Failed | Provider): value is Failed => 'error' in value;

async function create({ providers, settings }: Rooms, input: Input): Promise<Outcome> {
  const id = input.text('id') ?? '';
  const given = providerInput(input);
  if (given.kind === 'failed') return given;
  const preset = input.text('preset') as Preset | undefined;
  const all = { ...given.input, providerId: id, preset };
  const made = outcomeOf(
    await providers.create(all, input.password, operator),
    id,
    'the provider was not made',
  );
  if (isFailed(made)) return made;
  return {
    ...shown(made, settings.issuer),
    next: `Register this redirect URI there, exactly:  ${settings.issuer}${callbackPath(id)}`,
  };
}

async function update({ providers, settings }: Rooms, input: Input): Promise<Outcome> {
  const [id = ''] = input.positionals;
  const given = providerInput(input);
  if (given.kind === 'failed') return given;
  const changed = await providers.update(id, given.input, input.password, operator);
  const provider = outcomeOf(changed, id, 'the provider was not changed');
  return isFailed(provider) ? provider : shown(provider, settings.issuer);
}

const setEnabled = (enabled: boolean): Command => ({
  words: ['provider', enabled ? 'enable' : 'disable'],
  summary: enabled ? 'let people sign in with it again' : 'let nobody sign in with it',
  about: enabled
    ? 'Links of accounts to it are as they were.'
    : 'Within about a second its button is gone, its domains sign in here again, and what is under way comes to nothing. Accounts and links stay.',
  positionals,
  examples: [`provider ${enabled ? 'enable' : 'disable'} google`],
  needs: 'rooms',
  async run({ providers, settings }, input) {
    const [id = ''] = input.positionals;
    const provider = await providers.setEnabled(id, enabled, operator);
    return provider ? shown(provider, settings.issuer) : notFound(id);
  },
});

export const providerCommands: readonly Command[] = [
  {
    words: ['provider', 'create'],
    summary: 'let people sign in with another provider',
    about:
      'Any OpenID Connect issuer, or an OAuth 2 provider with a userinfo address. Prints the redirect URI to register there.',
    options: [
      { name: 'id', kind: 'text', value: 'ID', required: true, help: 'its short name; never changes' },
      presetOption,
      ...providerOptions,
    ],
    takesClientSecret: true,
    examples: [
      'provider create --id google --preset google --client-id ID --client-secret-stdin < secret.txt',
      'provider create --id corp --name "Example Corp" --issuer https://login.example.com --client-id cardea --client-secret-file secret.txt --domain example.com',
    ],
    needs: 'rooms',
    run: create,
  },
  {
    words: ['provider', 'list'],
    summary: 'all providers, in the order of their buttons',
    examples: ['provider list'],
    needs: 'rooms',
    async run({ providers, settings }) {
      const found = await providers.list();
      return {
        kind: 'done',
        json: { providers: found.map((provider) => wireProvider(provider, settings.issuer)) },
        text: textTable(
          ['PROVIDER', 'NAME', 'STATE', 'ISSUER', 'DOMAINS'],
          found.map((one) => [
            one.providerId,
            one.name,
            one.enabled ? 'enabled' : 'disabled',
            one.issuer,
            one.domains.join(' '),
          ]),
        ),
      };
    },
  },
  {
    words: ['provider', 'show'],
    summary: 'one provider',
    positionals,
    examples: ['provider show google'],
    needs: 'rooms',
    async run({ providers, settings }, input) {
      const [id = ''] = input.positionals;
      const provider = await providers.find(id);
      return provider ? shown(provider, settings.issuer) : notFound(id);
    },
  },
  {
    words: ['provider', 'update'],
    summary: 'change a provider',
    about: 'What is not given stays, the client secret too; an empty value empties a list.',
    positionals,
    options: providerOptions,
    takesClientSecret: true,
    examples: ['provider update corp --domain example.com --domain example.org'],
    needs: 'rooms',
    run: update,
  },
  setEnabled(true),
  setEnabled(false),
  {
    words: ['provider', 'delete'],
    summary: 'forget a provider, with every link of an account to it',
    about: 'Who had no other way to sign in then has none. provider disable keeps the links.',
    positionals,
    examples: ['provider delete corp'],
    needs: 'rooms',
    async run({ providers }, input) {
      const [id = ''] = input.positionals;
      const identities = await providers.delete(id, operator);
      if (identities === undefined) return notFound(id);
      return {
        kind: 'done',
        json: { deleted: true, id, identities },
        text: `Deleted the provider ${id}; ${identities} accounts could sign in with it.\n`,
      };
    },
  },
];
