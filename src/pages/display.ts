/** Names and addresses that others chose, made fit to be shown. Escaping is the template's work; this is the rest. */
import { formSource } from '../web/security-headers.ts';
import type { PageClient, Person } from './front-door.ts';

/** A client as templates see it. */
export interface ClientView {
  readonly name: string;
  readonly initial: string;
  readonly logo: string | undefined;
  readonly home: string | undefined;
  readonly policy: string | undefined;
  readonly terms: string | undefined;
  /** Nobody vouches for who runs it. */
  readonly unverified: boolean;
  /** The site that describes it, and therefore vouches for it. */
  readonly vouchedBy: string | undefined;
  /** Cardea itself: shown with its own mark. */
  readonly own: boolean;
}

export interface PersonView {
  readonly email: string;
  readonly name: string | undefined;
  readonly initial: string;
}

/** People sign in to the front page through the same door as to any app, as this client. */
const OWN_CLIENT_ID = 'cardea';

/** Longer names are cut: two lines at 20 px on a phone. */
const MAX_NAME = 60;

export function clientView(client: PageClient): ClientView {
  const name = displayName(client.name) || displayName(client.clientId);
  return {
    name,
    initial: initialOf(name),
    logo: imagesOf(client)[0],
    home: httpsUrl(client.clientUri),
    policy: httpsUrl(client.policyUri),
    terms: httpsUrl(client.tosUri),
    unverified: client.registered === 'dynamic',
    vouchedBy: client.registered === 'metadata-document' ? placeOf(client.clientId) : undefined,
    own: client.clientId === OWN_CLIENT_ID,
  };
}

/** Pictures of a client that a person's browser may load: none of strangers, who would learn who looks when. */
export function imagesOf(client: Pick<PageClient, 'logoUri' | 'registered'>): readonly string[] {
  const logo = client.registered ? undefined : httpsUrl(client.logoUri);
  return logo === undefined ? [] : [logo];
}

export function personView(person: Pick<Person, 'email' | 'name'>): PersonView {
  const name = person.name === undefined ? undefined : displayName(person.name) || undefined;
  return { email: person.email, name, initial: initialOf(name ?? person.email) };
}

/**
 * One line, without control characters and without those that turn the direction of text around or hide in it
 * (Unicode UAX 9, bidirectional formatting; zero-width characters): 'Orders\u202Egnp.exe' must not read otherwise.
 */
export function displayName(name: string): string {
  const clean = name
    .normalize('NFC')
    .replace(
      /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF]/gu,
      ' ',
    )
    .replace(/\s+/g, ' ')
    .trim();
  const letters = Array.from(clean);
  return letters.length > MAX_NAME ? `${letters.slice(0, MAX_NAME - 1).join('')}…` : clean;
}

/** The address when it is https: what a client registered is shown or linked only then. */
export function httpsUrl(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  return url.protocol === 'https:' && url.username === '' ? url.href : undefined;
}

/** 'https://orders.example:8443' → 'orders.example:8443'; 'com.example.app:' → 'com.example.app'. */
export function placeOf(origin: string): string {
  return /^https?:/.test(origin) && URL.canParse(origin) ? new URL(origin).host : origin.replace(/:$/, '');
}

/**
 * Where the answer to a form of this visit may lead: the redirect's own origin first, then the client's other
 * registered ones, because its callback usually redirects once more and Chromium checks that hop too.
 */
export function formTargetsOf(client: PageClient, redirectOrigin?: string): string[] {
  const registered = [
    ...(client.redirectUris ?? []),
    ...(client.postLogoutRedirectUris ?? []),
    client.clientUri,
  ];
  const all = [redirectOrigin, ...registered].filter((address) => address !== undefined);
  return all.filter((address) => formSource(address) !== undefined);
}

function initialOf(name: string): string {
  return Array.from(name.match(/[\p{L}\p{N}]/u)?.[0] ?? '?')[0]?.toUpperCase() ?? '?';
}
