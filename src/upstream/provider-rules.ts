/** Judges everything that can be set on a provider; every fault is named. */
import { z } from 'zod';
import {
  type Endpoints,
  type Preset,
  type Provider,
  type ProviderAuthMethod,
  presetNames,
  presets,
  type TrustedValue,
} from './provider.ts';

/** What can be set. Absent: as the preset has it, else the default. */
export interface ProviderInput {
  readonly providerId: string;
  readonly preset?: Preset | undefined;
  readonly name?: string | undefined;
  readonly kind?: Provider['kind'] | undefined;
  readonly issuer?: string | undefined;
  readonly clientId?: string | undefined;
  readonly authMethod?: ProviderAuthMethod | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly responseMode?: Provider['responseMode'] | undefined;
  readonly endpoints?: Partial<Endpoints> | undefined;
  readonly domains?: readonly string[] | undefined;
  readonly tenants?: readonly string[] | undefined;
  readonly claims?: Readonly<Record<string, string>> | undefined;
  readonly trustEmailVerified?: boolean | undefined;
  readonly trusted?: readonly TrustedValue[] | undefined;
}

export interface Fault {
  readonly field: string;
  readonly message: string;
}

/** A provider as far as the rules decide it; the row adds the rest. */
export type JudgedProvider = Omit<Provider, 'enabled' | 'createdAt' | 'updatedAt'>;

/** Claims that a provider may fill in. What an account is (`sub`, `email`, roles) is not among them. */
export const mappableClaims = [
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'zoneinfo',
  'locale',
] as const;

/** Words that mean a way to sign in of our own: `--sign-in-with password,google`. */
const reserved = new Set(['password', 'passkey', 'code', 'callback']);
const PROVIDER_ID = /^[a-z][a-z0-9-]{0,31}$/;

const visible = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    .refine((value) => !/\p{Cc}|\p{Cf}/u.test(value), 'must not hold control or invisible characters');

const https = z
  .string()
  .max(500, 'must have at most 500 characters')
  .refine(isPlainHttps, 'must be an https address without user, query or fragment');

const scope = z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,100}$/, 'must be one scope');
const path = z
  .string()
  .max(200, 'must have at most 200 characters')
  .regex(/^[^.\p{Cc}]+(?:\.[^.\p{Cc}]+){0,5}$/u, 'must be a path such as user.name, of at most six parts');

const shape = z.strictObject({
  providerId: z
    .string()
    .regex(PROVIDER_ID, 'must be 1 to 32 of a-z, 0-9 and -, beginning with a letter')
    .refine((id) => !reserved.has(id), 'is the name of a way to sign in that Cardea has itself'),
  preset: z.enum(presetNames as [Preset, ...Preset[]]).optional(),
  name: visible(60),
  kind: z.enum(['oidc', 'oauth2']),
  issuer: https,
  clientId: visible(300),
  authMethod: z.enum(['client_secret_basic', 'client_secret_post', 'none']),
  scopes: z.array(scope).max(30, 'must be at most 30'),
  responseMode: z.enum(['query', 'form_post']),
  endpoints: z
    .strictObject({ authorization: https, token: https, userinfo: https, emails: https.optional() })
    .optional(),
  domains: z
    .array(
      z.string().regex(/^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*$/, {
        message: 'must be a domain such as example.com, in lower case and punycode',
      }),
    )
    .max(100, 'must be at most 100'),
  tenants: z
    .array(
      z
        .string()
        .toLowerCase()
        .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'must be the id of a tenant, a UUID'),
    )
    .max(100, 'must be at most 100')
    .optional(),
  claims: z.partialRecord(z.enum([...mappableClaims, 'sub', 'email', 'email_verified']), path),
  trustEmailVerified: z.boolean(),
  trusted: z
    .array(
      z.strictObject({
        claim: z.enum(['acr', 'amr']),
        value: visible(200),
        level: z.enum(['urn:cardea:acr:2', 'urn:cardea:acr:3'], {
          message: 'must be urn:cardea:acr:2 or urn:cardea:acr:3',
        }),
      }),
    )
    .max(50, 'must be at most 50'),
});

const usualClaims: Readonly<Record<string, string>> = Object.fromEntries(
  ['name', 'given_name', 'family_name', 'preferred_username', 'picture', 'locale', 'zoneinfo'].map(
    (claim) => [claim, claim],
  ),
);

/** Every fault at once, `field` the member's name. */
export function judgeProvider(
  input: ProviderInput,
  hasSecret: boolean,
): { kind: 'provider'; provider: JudgedProvider } | { kind: 'faults'; faults: readonly Fault[] } {
  const preset = input.preset === undefined ? undefined : presets[input.preset];
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
  const merged: Record<string, unknown> = {
    kind: 'oidc',
    name: input.providerId,
    authMethod: hasSecret ? 'client_secret_basic' : 'none',
    responseMode: 'query',
    domains: [],
    trustEmailVerified: false,
    trusted: [],
    ...preset,
    ...given,
  };
  merged.scopes ??= merged.kind === 'oidc' ? ['openid', 'email', 'profile'] : [];
  merged.claims ??= merged.kind === 'oidc' ? usualClaims : {};
  const judged = shape.safeParse(merged);
  if (!judged.success) {
    const faults = judged.error.issues.map(({ path: [field = 'providerId', part], message }) => ({
      field: String(field === 'endpoints' ? (part ?? field) : field),
      message: worded(message, field === 'claims'),
    }));
    return { kind: 'faults', faults };
  }
  const provider = judged.data as JudgedProvider;
  const faults = together(provider, hasSecret);
  return faults.length > 0 ? { kind: 'faults', faults } : { kind: 'provider', provider };
}

/** Zod's own sentences, where no rule of ours has given one. */
function worded(message: string, ofClaims: boolean): string {
  if (!/^(?:Invalid|Unrecognized)/.test(message)) return message;
  if (ofClaims) return `may fill only ${mappableClaims.join(', ')}`;
  const choices = /^Invalid option: expected (.+)$/.exec(message)?.[1];
  return choices ? `must be ${choices}` : 'is missing';
}

/** What fits by itself and not with the rest. */
function together(provider: JudgedProvider, hasSecret: boolean): readonly Fault[] {
  const { kind, authMethod, endpoints, scopes, claims, trusted, tenants = [] } = provider;
  const fault = (applies: boolean, field: string, message: string): Fault[] =>
    applies ? [{ field, message }] : [];
  return [
    ...fault(authMethod === 'none' && hasSecret, 'authMethod', 'is none, and there is a secret'),
    ...fault(authMethod !== 'none' && !hasSecret, 'clientSecret', 'is missing'),
    ...fault(kind === 'oidc' && endpoints !== undefined, 'endpoints', 'come from discovery: give the issuer'),
    ...fault(kind === 'oidc' && !scopes.includes('openid'), 'scopes', 'must hold openid'),
    ...fault(kind === 'oidc' && 'sub' in claims, 'claims', 'sub is the ID token’s own'),
    ...fault(
      kind === 'oauth2' && !endpoints,
      'endpoints',
      'are missing: an OAuth 2 provider has no discovery',
    ),
    ...fault(kind === 'oauth2' && !('sub' in claims), 'claims', 'must say where sub stands: --map sub=id'),
    ...fault(
      kind === 'oauth2' && tenants.length > 0,
      'tenants',
      'needs an ID token, which only OpenID Connect has',
    ),
    ...fault(
      kind === 'oauth2' && trusted.length > 0,
      'trusted',
      'needs an ID token, which only OpenID Connect has',
    ),
  ];
}

function isPlainHttps(value: string): boolean {
  const url = URL.parse(value);
  return (
    url?.protocol === 'https:' &&
    url.username === '' &&
    url.password === '' &&
    !value.includes('?') &&
    !value.includes('#')
  );
}
