/** Mends of scopes and resources: what was asked for against what the client may have. */
import type { Client } from '../clients/client.ts';
import { mayAskFor, scopesOf } from '../clients/resource-access.ts';
import {
  CARDEA_AUDIENCE,
  OIDC_SCOPES,
  type ResourceScope,
  type ResourceServer,
} from '../clients/resource-server.ts';
import { nearestOf } from './difference.ts';
import { command, type Mend, type MendContext, request } from './mend.ts';
import { cardea } from './shell-words.ts';

/** The scopes that this client may ask for: OpenID Connect's, and those of its APIs. */
export function askableScopes(client: Client, servers: readonly ResourceServer[]): readonly string[] {
  const own = client.type === 'service' ? [] : [...OIDC_SCOPES];
  const listed = client.scopes.length === 0 ? own : own.filter((scope) => client.scopes.includes(scope));
  return [...new Set([...listed, ...servers.flatMap((server) => scopesOf(client, server))])];
}

/** The audiences that this client may ask for. */
export function askableAudiences(client: Client, servers: readonly ResourceServer[]): readonly string[] {
  return servers.filter((server) => mayAskFor(client, server)).map(({ audience }) => audience);
}

export function mendScope({ client, refusal, servers }: MendContext): Mend {
  const asked = (refusal.sent?.scope ?? '').split(' ').filter(Boolean);
  if (!client) return request('Let the app ask for scopes that are there.');
  const may = askableScopes(client, servers);
  const wrong = asked.find((scope) => !may.includes(scope));
  if (wrong === undefined) {
    return request(
      'Let the app ask for scopes of the API that its request is for; each of these exists by itself.',
    );
  }
  const owner = servers.find((server) => server.scopes.some(({ name }) => name === wrong));
  if (owner && client.scopes.length > 0) {
    return command(
      `The client may not ask for ${wrong}, a scope of ${owner.name}. Allow it, if that is meant:`,
      update(client, '--scope', [...client.scopes, wrong]),
    );
  }
  if (owner) {
    return command(
      `The client may not ask for ${owner.name}, which has the scope ${wrong}. Allow it, if that is meant:`,
      update(client, '--resource', [...client.resources, owner.audience]),
    );
  }
  if (OIDC_SCOPES.has(wrong)) {
    return client.type === 'service'
      ? request(`${wrong} is about a person; a service acts for itself and asks for an API's scopes.`)
      : command(
          `The client may not ask for ${wrong}. Allow it, if that is meant:`,
          update(client, '--scope', [...client.scopes, wrong]),
        );
  }
  const [target] = servers.filter((server) => mayAskFor(client, server));
  const nearest = nearestOf(wrong, may);
  const similar = nearest === undefined ? '' : ` The one most like it is ${nearest}.`;
  return command(
    `No API has the scope ${wrong}.${similar} If it is missing, add it to its API (list all of its scopes):`,
    cardea(
      'resource',
      'update',
      target?.audience ?? 'AUDIENCE',
      ...[...(target?.scopes.map(withWords) ?? []), wrong].flatMap((scope) => ['--scope', scope]),
    ),
  );
}

export function mendResource({ client, refusal, servers }: MendContext): Mend {
  const asked = (refusal.sent?.resource ?? refusal.sent?.audience ?? '').split(' ').filter(Boolean);
  if (!client) return request('Let the app ask for a registered API.');
  const may = askableAudiences(client, servers);
  const wrong = asked.find((audience) => !may.includes(audience));
  if (wrong === undefined) {
    return may.length === 0
      ? command('The client may ask for no API yet. Give it one:', update(client, '--resource', ['AUDIENCE']))
      : request(`Let the app name one API with the resource parameter: ${may.join(', ')}.`);
  }
  if (wrong === CARDEA_AUDIENCE) return request("Cardea's own administration is not asked for by resource.");
  if (servers.some(({ audience }) => audience === wrong)) {
    return command(
      'The client may not ask for this API. Allow it, if that is meant:',
      update(client, '--resource', [...client.resources, wrong]),
    );
  }
  return command(
    'No API of that audience is registered. Let the app send a registered one to the character, or register it:',
    cardea('resource', 'create', '--audience', wrong, '--name', 'NAME'),
  );
}

function update(client: Client, option: string, values: readonly string[]): string {
  return cardea('client', 'update', client.clientId, ...values.flatMap((value) => [option, value]));
}

/** As the option takes it: the name, and after a space what the consent page says. */
function withWords({ name, description }: ResourceScope): string {
  return description === undefined ? name : `${name} ${description}`;
}
