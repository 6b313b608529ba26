/**
 * Describes the parameters of a refused request so that its sender can see what arrived, without keeping anything
 * that opens a door. Only members of a list of harmless ones show their value; of every other one, known or not,
 * only its kind and length are kept.
 */
import { plainText } from './plain-text.ts';

const shown: ReadonlySet<string> = new Set([
  'acr_values',
  'audience',
  'client_assertion_type',
  'client_id',
  'code_challenge_method',
  'display',
  'grant_type',
  'iss',
  'max_age',
  'prompt',
  'requested_token_type',
  'resource',
  'response_mode',
  'response_type',
  'scope',
  'subject_token_type',
  'token_type_hint',
  'ui_locales',
]);

const shownAsUrl: ReadonlySet<string> = new Set(['redirect_uri', 'post_logout_redirect_uri', 'origin']);

/** Whether a parameter of that name holds nothing that opens a door. */
export const isShown = (name: string): boolean => shown.has(name);
/** Whether it is a URI, which may carry something secret in its query. */
export const isShownAsUrl = (name: string): boolean => shownAsUrl.has(name);

/** What of one value is kept: 80 characters are enough to recognise a scope list or an audience. */
const VALUE_LENGTH = 80;
const URL_LENGTH = 160;
/** More parameters than any real request has; the rest is counted. */
const MAX_PARAMETERS = 20;

/** 'absent', 'empty', 'JWT, 812 characters', 'text, 43 characters', 'list of 2', 'object' … */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'absent';
  if (Array.isArray(value)) return `list of ${value.length}`;
  if (typeof value !== 'string') return typeof value;
  if (value === '') return 'empty';
  const kind = /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(value.slice(0, 10_000)) ? 'JWT' : 'text';
  return `${kind}, ${value.length} characters`;
}

/**
 * Whatever is as long as a token, code or secret of ours is described, not kept, wherever it stands: people paste
 * things into the wrong field. Ids and names that read well are shorter.
 */
const LIKE_A_SECRET = /[\w-]{40,}/g;

function withoutSecrets(value: string): string {
  return value.slice(0, 10_000).replace(LIKE_A_SECRET, (word) => `(${word.length} characters)`);
}

/** Scheme, host and path as sent; of the rest only what there is: query names, never their values, never userinfo. */
function describeUrl(value: string): string {
  const [beforeFragment = '', ...fragment] = value.split('#');
  const [address = '', ...query] = beforeFragment.split('?');
  const names = query
    .join('?')
    .split('&')
    .flatMap((pair) => pair.split('=').slice(0, 1))
    .filter((name) => name !== '');
  const withoutUserinfo = address.replace(/^([^/\\]*[/\\]{2})[^/\\]*@/, '$1(userinfo)@');
  const rest = `${names.length > 0 ? ` with query ${names.join(', ')}` : ''}${fragment.length > 0 ? ' with a fragment' : ''}`;
  return (
    plainText(withoutSecrets(withoutUserinfo), URL_LENGTH) + plainText(withoutSecrets(rest), VALUE_LENGTH)
  );
}

/**
 * Describes one parameter.
 * @returns for example `scope="openid orders:read"`, `code (text, 43 characters)`, `redirect_uri="https://a.example/cb"`
 */
export function describeParameter(name: string, value: unknown): string {
  const label = plainText(withoutSecrets(name), 40);
  if (typeof value === 'string' && value !== '') {
    if (shown.has(name)) return `${label}="${plainText(withoutSecrets(value), VALUE_LENGTH)}"`;
    if (shownAsUrl.has(name)) return `${label}="${describeUrl(value)}"`;
  }
  if (typeof value === 'number' && shown.has(name)) return `${label}=${value}`;
  return `${label} (${kindOf(value)})`;
}

/** Describes all parameters of a request, sensitive ones by kind and length only. */
export function describeReceived(parameters: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(parameters).filter(([, value]) => value !== undefined);
  const described = entries.slice(0, MAX_PARAMETERS).map(([name, value]) => describeParameter(name, value));
  const more = entries.length - described.length;
  if (more > 0) described.push(`and ${more} more`);
  return described.length === 0 ? 'no parameters' : described.join(', ');
}
