/** The settings of people who make their own account, and of what they may choose as a password. */
import { domainToASCII } from 'node:url';
import { type Definition, define } from './definition.ts';
import { type Kind, oneOf } from './kinds.ts';

export const signUpPolicies = ['closed', 'open', 'invitation', 'domains'] as const;
export type SignUpPolicy = (typeof signUpPolicies)[number];

export interface SignUpSettings {
  readonly policy: SignUpPolicy;
  /** In lower case, as punycode. Empty unless `policy` is `domains`. */
  readonly domains: readonly string[];
}

const MOST_DOMAINS = 256;
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Domains of addresses, compared exactly: whoever runs `example.com` need not run `mail.example.com`. */
const mailDomains: Kind<readonly string[]> = {
  form: 'domains such as `example.com, example.org`, separated by commas',
  read(text) {
    const given = text.split(/[\s,]+/).filter(Boolean);
    const read = [...new Set(given.map((one) => domainToASCII(one.toLowerCase())))];
    const isDomain = (one: string) =>
      one.length <= 253 && one.includes('.') && one.split('.').every((part) => label.test(part));
    return read.length <= MOST_DOMAINS && read.every(isDomain)
      ? { kind: 'value', value: read }
      : { kind: 'fault', fault: `must be at most ${MOST_DOMAINS} domains such as example.com` };
  },
};

/** Below it five characters of a hash are asked for, so it has neither query nor fragment. */
const rangeUrl: Kind<string> = {
  form: 'an `https://` address without query',
  read(text) {
    const url = URL.parse(text);
    return url?.protocol === 'https:' && url.username === '' && url.search === '' && url.hash === ''
      ? { kind: 'value', value: url.href.replace(/\/*$/, '/') }
      : { kind: 'fault', fault: 'must be an https:// address without user, query and fragment' };
  },
};

export const signUpDefinitions = {
  signUp: define(
    'CARDEA_SIGN_UP',
    oneOf(signUpPolicies),
    '`closed`',
    'who may make an account: nobody, anybody, invited addresses, or addresses of `CARDEA_SIGN_UP_DOMAINS`; whoever follows an invitation always may',
  ),
  signUpDomains: define(
    'CARDEA_SIGN_UP_DOMAINS',
    mailDomains,
    'none',
    'the domains whose addresses may sign up, compared exactly; with `CARDEA_SIGN_UP=domains`',
  ),
  passwordRangeUrl: define(
    'CARDEA_PASSWORD_RANGE_URL',
    rangeUrl,
    'none: nobody is asked',
    'where known leaked passwords are asked for by the first five characters of their SHA-1 (k-anonymity: lines of suffix and count); no answer accepts the password',
  ),
} as const;

type ReadOne = <T>(one: Pick<Definition<T>, 'name' | 'kind'>) => T | undefined;

export function readSignUp(
  read: ReadOne,
  faults: string[],
  mail: { readonly kind: 'smtp' | 'box' | 'off' },
): SignUpSettings {
  const policy = read(signUpDefinitions.signUp) ?? 'closed';
  const domains = read(signUpDefinitions.signUpDomains) ?? [];
  if ((policy === 'domains') !== domains.length > 0) {
    faults.push('CARDEA_SIGN_UP_DOMAINS: goes with CARDEA_SIGN_UP=domains; set both or neither');
  }
  if (policy !== 'closed' && mail.kind === 'off') {
    faults.push(
      'CARDEA_SIGN_UP: needs mail, by which addresses are proved; set CARDEA_SMTP_URL and CARDEA_MAIL_FROM',
    );
  }
  return { policy, domains };
}
