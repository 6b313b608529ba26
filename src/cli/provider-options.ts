/** The options that set a provider, and the input they make. The rules of upstream/ judge it; here nothing is judged. */
import { presetNames, type TrustedValue } from '../upstream/provider.ts';
import type { ProviderInput } from '../upstream/provider-rules.ts';
import { type Failed, failed, type Input, type Option } from './command.ts';

export const providerOptions: readonly Option[] = [
  { name: 'client-id', kind: 'text', value: 'ID', help: 'how Cardea is registered there' },
  { name: 'name', kind: 'text', value: 'NAME', help: 'on the button' },
  { name: 'issuer', kind: 'text', value: 'URL', help: 'its issuer: where its discovery document is' },
  {
    name: 'kind',
    kind: 'text',
    value: 'KIND',
    choices: ['oidc', 'oauth2'],
    help: 'oidc when not given; oauth2 has no ID token and needs the addresses below',
  },
  { name: 'authorization-endpoint', kind: 'text', value: 'URL', help: 'of an oauth2 provider' },
  { name: 'token-endpoint', kind: 'text', value: 'URL', help: 'of an oauth2 provider' },
  { name: 'userinfo-endpoint', kind: 'text', value: 'URL', help: 'of an oauth2 provider: who signed in' },
  {
    name: 'auth-method',
    kind: 'text',
    value: 'METHOD',
    choices: ['client_secret_basic', 'client_secret_post', 'none'],
    help: 'how Cardea authenticates there; client_secret_basic when not given',
  },
  { name: 'scope', kind: 'texts', value: 'SCOPE', help: 'what is asked for; may be given again' },
  {
    name: 'response-mode',
    kind: 'text',
    value: 'MODE',
    choices: ['query', 'form_post'],
    help: 'how the answer comes back; query when not given',
  },
  {
    name: 'domain',
    kind: 'texts',
    value: 'DOMAIN',
    help: 'whoever types an e-mail address of this domain is sent there; may be given again',
  },
  {
    name: 'tenant',
    kind: 'texts',
    value: 'ID',
    help: 'Microsoft: only people of this tenant may sign in; may be given again',
  },
  {
    name: 'map',
    kind: 'texts',
    value: 'CLAIM=PATH',
    help: 'fills a claim of new accounts from there: name=user.display_name; may be given again',
  },
  {
    name: 'trust-email-verified',
    kind: 'flag',
    help: 'its word that an e-mail address is verified is enough for a new account',
  },
  {
    name: 'trust-acr',
    kind: 'texts',
    value: 'VALUE=LEVEL',
    help: 'takes that acr of its ID tokens for a level of ours, such as urn:cardea:acr:2; may be given again',
  },
  {
    name: 'trust-amr',
    kind: 'texts',
    value: 'VALUE=LEVEL',
    help: 'the same for a method in its amr; may be given again',
  },
];

export const presetOption: Option = {
  name: 'preset',
  kind: 'text',
  value: 'PRESET',
  choices: presetNames,
  help: 'fills in what is known of it',
};

type Members = Omit<ProviderInput, 'providerId' | 'preset'>;

/** The members that were given; one empty value empties a list. */
export function providerInput(input: Input): { kind: 'input'; input: Members } | Failed {
  const list = (name: string) => {
    const given = input.texts(name);
    return given?.length === 1 && given[0] === '' ? [] : given;
  };
  const pairs = (name: string) => list(name)?.map((text) => splitLast(text));
  const maps = list('map')?.map((text) => splitFirst(text));
  const acr = pairs('trust-acr');
  const amr = pairs('trust-amr');
  const broken = [
    ['map', maps],
    ['trust-acr', acr],
    ['trust-amr', amr],
  ].find(([, found]) => Array.isArray(found) && found.some((pair) => pair === undefined));
  if (broken) {
    return { ...failed('usage', `--${String(broken[0])} needs two sides and an = between them`), exit: 2 };
  }
  const endpoints = {
    authorization: input.text('authorization-endpoint'),
    token: input.text('token-endpoint'),
    userinfo: input.text('userinfo-endpoint'),
  };
  const given = Object.entries(endpoints).filter(([, value]) => value !== undefined);
  const trusted = (claim: 'acr' | 'amr', found: typeof acr) =>
    (found ?? []).flatMap((pair) =>
      pair ? [{ claim, value: pair[0], level: pair[1] } as TrustedValue] : [],
    );
  return {
    kind: 'input',
    input: {
      clientId: input.text('client-id'),
      name: input.text('name'),
      issuer: input.text('issuer'),
      kind: input.text('kind') as Members['kind'],
      authMethod: input.text('auth-method') as Members['authMethod'],
      scopes: list('scope')?.flatMap((scope) => scope.split(' ').filter(Boolean)),
      responseMode: input.text('response-mode') as Members['responseMode'],
      ...(given.length > 0 && { endpoints: Object.fromEntries(given) }),
      domains: list('domain'),
      tenants: list('tenant'),
      claims: maps && Object.fromEntries(maps.filter((pair) => pair !== undefined)),
      trustEmailVerified: input.flag('trust-email-verified'),
      ...((acr ?? amr) && { trusted: [...trusted('acr', acr), ...trusted('amr', amr)] }),
    },
  };
}

function splitFirst(text: string): readonly [string, string] | undefined {
  const at = text.indexOf('=');
  return at < 1 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}

/** A level has no = in it; an acr may. */
function splitLast(text: string): readonly [string, string] | undefined {
  const at = text.lastIndexOf('=');
  return at < 1 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}
