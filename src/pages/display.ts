/** Clients as pages show them: what others registered, made fit to be shown. */
import { darkShadeOf } from '../config/contrast.ts';
import { accentPath } from '../web/brand.ts';
import { displayName, httpsUrl, initialOf } from '../web/names.ts';
import { formSource } from '../web/security-headers.ts';
import type { PageClient } from './front-door.ts';

/** A client as templates see it. */
export interface ClientView {
  readonly name: string;
  readonly initial: string;
  readonly logo: string | undefined;
  readonly home: string | undefined;
  readonly policy: string | undefined;
  readonly terms: string | undefined;
  readonly support: string | undefined;
  /** The path of its accent's style sheet. */
  readonly accent: string | undefined;
  /** Nobody vouches for who runs it. */
  readonly unverified: boolean;
  /** The site that describes it, and therefore vouches for it. */
  readonly vouchedBy: string | undefined;
  /** Cardea itself: shown with its own mark. */
  readonly own: boolean;
}

/** People sign in to the front page through the same door as to any app, as this client. */
const OWN_CLIENT_ID = 'cardea';

export function clientView(client: PageClient): ClientView {
  const name = displayName(client.name) || displayName(client.clientId);
  return {
    name,
    initial: initialOf(name),
    logo: imagesOf(client)[0],
    home: httpsUrl(client.clientUri),
    policy: httpsUrl(client.policyUri),
    terms: httpsUrl(client.tosUri),
    support: httpsUrl(client.supportUri),
    accent: accentOf(client),
    unverified: client.registered === 'dynamic',
    vouchedBy: client.registered === 'metadata-document' ? placeOf(client.clientId) : undefined,
    own: client.clientId === OWN_CLIENT_ID,
  };
}

/** Strangers do not choose how our pages look. */
function accentOf({ accent, accentDark, registered }: PageClient): string | undefined {
  if (accent === undefined || registered) return undefined;
  return accentPath({ light: accent, dark: accentDark ?? darkShadeOf(accent) });
}

/** Pictures of a client that a person's browser may load: none of strangers, who would learn who looks when. */
export function imagesOf(client: Pick<PageClient, 'logoUri' | 'registered'>): readonly string[] {
  const logo = client.registered ? undefined : httpsUrl(client.logoUri);
  return logo === undefined ? [] : [logo];
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
