/**
 * What a client may ask of which resource server. An explicit list is a ceiling; an empty one is the least that is
 * useful: apps that act for a person may ask for any API (consent, and the person's own roles, decide the rest), a
 * service only for what it was given. Cardea's own administration is never implied.
 */
import type { Client } from './client.ts';
import { CARDEA_AUDIENCE, type ResourceServer } from './resource-server.ts';

type Asker = Pick<Client, 'type' | 'scopes' | 'resources'>;

/** The scopes of `server` that the client may ask for, in the server's order. */
export function scopesOf(client: Asker, server: ResourceServer): readonly string[] {
  if (!mayAskFor(client, server)) return [];
  const names = server.scopes.map((scope) => scope.name);
  return client.scopes.length === 0 ? names : names.filter((name) => client.scopes.includes(name));
}

/** Whether the client may ask for tokens with this audience at all. */
export function mayAskFor(client: Asker, server: ResourceServer): boolean {
  if (client.resources.length > 0) return client.resources.includes(server.audience);
  if (server.audience === CARDEA_AUDIENCE) return false;
  const ownsListed = server.scopes.some((scope) => client.scopes.includes(scope.name));
  return ownsListed || (client.type !== 'service' && client.scopes.length === 0);
}
