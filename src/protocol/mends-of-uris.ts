/** Mends of redirect URIs, post-logout redirect URIs and origins: what was sent against what is registered. */
import { originsOf } from '../clients/browser-origins.ts';
import { type Client, isConfidential } from '../clients/client.ts';
import { typeRules } from '../clients/client-types.ts';
import { originFaults, uriFaults } from '../clients/uri-rules.ts';
import { command, type Mend, type MendContext, request } from './mend.ts';
import { cardea } from './shell-words.ts';

/** A hidden character, or a cut: the value itself is not on record. */
const INCOMPLETE = /[*…]|\(hidden|\\u\{/;

export function mendRedirectUri(about: MendContext): Mend {
  return mendUri(about, 'redirect_uri', '--redirect-uri', about.client?.redirectUris ?? []);
}

export function mendPostLogoutUri(about: MendContext): Mend {
  return mendUri(
    about,
    'post_logout_redirect_uri',
    '--post-logout-redirect-uri',
    about.client?.postLogoutRedirectUris ?? [],
  );
}

function mendUri(
  { client, refusal }: MendContext,
  parameter: string,
  option: string,
  registered: readonly string[],
): Mend {
  const sent = refusal.sent?.[parameter];
  if (!client) return request(`Let the app send its client_id, and a ${parameter} of that client.`);
  if (sent === undefined || sent === '') {
    return request(`Let the app send ${parameter}, one of those that are registered.`);
  }
  if (registered.includes(sent)) return request(`This ${parameter} is registered by now: try again.`);
  const update = (uri: string) =>
    cardea('client', 'update', client.clientId, ...[...registered, uri].flatMap((one) => [option, one]));
  const toApp = `Let the app send one of the registered URIs to the character.`;
  if (INCOMPLETE.test(sent)) {
    return command(
      `${toApp} Or register the one it sends, if it is yours (it is not on record in full, since a part of it may be secret):`,
      update('URI'),
    );
  }
  const faults = faultsOf(client, sent);
  if (faults.length > 0) {
    return request(`${toApp} What it sent cannot be registered: it ${faults.join('; it ')}.`);
  }
  return command(
    `${toApp} Or register the one it sent, only if it is yours: whoever holds it gets what is sent there.`,
    update(sent),
  );
}

function faultsOf(client: Client, uri: string): readonly string[] {
  const use = typeRules[client.type].redirects;
  return use ? uriFaults(uri, use) : [`is of no use to a client of the type ${client.type}`];
}

export function mendOrigin({ client, refusal }: MendContext): Mend {
  const sent = refusal.sent?.origin;
  if (!client || sent === undefined) return request('Let a page of a registered origin make the call.');
  if (isConfidential(client)) {
    return request(
      `The client ${client.clientId} has credentials, which no page in a browser can keep. Let its server make the call, ` +
        'or register a client of the type spa for the page.',
    );
  }
  if (originsOf(client).includes(sent)) return request('This origin is registered by now: try again.');
  const faults = originFaults(sent);
  if (faults.length > 0) {
    return request(
      `Let a page of one of the registered origins make the call. What was sent cannot be registered: it ${faults.join('; it ')}.`,
    );
  }
  const all = [...(client.corsOrigins ?? []), sent].flatMap((origin) => ['--cors-origin', origin]);
  return command(
    'Let a page of one of the registered origins make the call. Or register this one, only if it is yours: its pages can ' +
      'then use at these addresses what they hold of a person’s tokens.',
    cardea('client', 'update', client.clientId, ...all),
  );
}
