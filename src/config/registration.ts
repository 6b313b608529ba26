/** The settings of clients that register themselves, and how they are written. */
import { type Definition, define } from './definition.ts';
import { type Kind, oneOf, wholeNumber } from './kinds.ts';

export const registrationPolicies = ['closed', 'token', 'open'] as const;
export type RegistrationPolicy = (typeof registrationPolicies)[number];

const MOST = 256;

function list(form: string, judge: (entry: string) => boolean): Kind<readonly string[]> {
  return {
    form,
    read(text) {
      const entries = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
      return entries.length <= MOST && entries.every(judge)
        ? { kind: 'value', value: entries }
        : { kind: 'fault', fault: `must be at most ${MOST} ${form}` };
    },
  };
}

/** Audiences as they were registered; which ones there are is known later. */
const audiences = list(
  'audiences such as `https://api.example.com`, separated by commas',
  // Cardea's own administration is for clients that an operator registered.
  (entry) => entry.length <= 2_000 && /^[\x21-\x7e]+$/.test(entry) && entry !== 'cardea',
);

const domain =
  /^(?:\*\.)?(?=[^*]{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** Host names, or everything below one. */
const domains = list('domains such as `agent.example, *.example.com`, separated by commas', (entry) =>
  domain.test(entry),
);

export const registrationDefinitions = {
  registration: define(
    'CARDEA_REGISTRATION',
    oneOf(registrationPolicies),
    '`closed`',
    'who may register clients at `/oauth2/register` (RFC 7591): nobody, whoever holds an initial access token, or anybody',
  ),
  registrationMax: define(
    'CARDEA_REGISTRATION_MAX',
    wholeNumber(1, 10_000_000),
    '`10000`',
    'how many clients may have registered themselves, in all; further ones are refused until unused ones have gone',
  ),
  registrationResources: define(
    'CARDEA_REGISTRATION_RESOURCES',
    audiences,
    'none',
    'audiences of the APIs that clients which registered themselves may ask for, with the consent of the person',
  ),
  clientDocuments: define(
    'CARDEA_CLIENT_DOCUMENTS',
    oneOf(['off', 'on']),
    '`off`',
    'whether a client may be named by the https address of its metadata document, as AI agents (MCP) do',
  ),
  clientDocumentsAllow: define(
    'CARDEA_CLIENT_DOCUMENTS_ALLOW',
    domains,
    'all domains',
    'domains whose documents are accepted: `agent.example` itself, `*.example.com` everything below',
  ),
  clientDocumentsDeny: define(
    'CARDEA_CLIENT_DOCUMENTS_DENY',
    domains,
    'none',
    'domains whose documents are refused, each with everything below it; wins over the other list',
  ),
} as const;

export interface RegistrationSettings {
  readonly policy: RegistrationPolicy;
  /** Clients that registered themselves, in all. */
  readonly max: number;
  /** Audiences that they may ask for. */
  readonly resources: readonly string[];
}

export interface ClientDocumentSettings {
  /** Empty: all. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

type Read = <T>(one: Pick<Definition<T>, 'name' | 'kind'>) => T | undefined;

const of = registrationDefinitions;

export function readRegistration(read: Read): RegistrationSettings {
  return {
    policy: read(of.registration) ?? 'closed',
    max: read(of.registrationMax) ?? 10_000,
    resources: read(of.registrationResources) ?? [],
  };
}

/** @returns undefined when documents are off */
export function readClientDocuments(
  read: Read,
  isSet: (one: Definition<unknown>) => boolean,
  faults: string[],
): ClientDocumentSettings | undefined {
  const allow = read(of.clientDocumentsAllow) ?? [];
  const deny = read(of.clientDocumentsDeny) ?? [];
  if (read(of.clientDocuments) === 'on') return { allow, deny };
  for (const list of [of.clientDocumentsAllow, of.clientDocumentsDeny]) {
    if (isSet(list)) faults.push(`${list.name}: has no meaning without CARDEA_CLIENT_DOCUMENTS=on`);
  }
  return undefined;
}
