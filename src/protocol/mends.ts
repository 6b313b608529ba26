/**
 * What mends a refusal: a command of Cardea's, a change of what the app sends, or nothing at all, said honestly. Every
 * rule (refusal-rules.ts) names one of these; what it says is worked out when somebody asks, from what is registered then.
 */
import { typeRules } from '../clients/client-types.ts';
import { command, type Mend, type MendContext, nothing, request } from './mend.ts';
import { mendResource, mendScope } from './mends-of-apis.ts';
import { mendProfile, mendUnproved, mendUnpushed } from './mends-of-profiles.ts';
import { mendOrigin, mendPostLogoutUri, mendRedirectUri } from './mends-of-uris.ts';
import { cardea } from './shell-words.ts';

export type MendName =
  | 'redirect-uri'
  | 'post-logout-redirect-uri'
  | 'origin'
  | 'client'
  | 'secret'
  | 'keys'
  | 'auth-method'
  | 'grant-type'
  | 'pkce'
  | 'unpushed'
  | 'unproved'
  | 'profile'
  | 'scope'
  | 'resource'
  | 'request'
  | 'again'
  | 'person'
  | 'wait'
  | 'token-size'
  | 'ours';

export const mends: Readonly<Record<MendName, (about: MendContext) => Mend>> = {
  'redirect-uri': mendRedirectUri,
  'post-logout-redirect-uri': mendPostLogoutUri,
  origin: mendOrigin,
  unpushed: mendUnpushed,
  unproved: mendUnproved,
  profile: mendProfile,
  scope: mendScope,
  resource: mendResource,
  client: mendClient,
  secret: mendSecret,
  keys: ({ client, expected }) =>
    client?.authMethod === 'private_key_jwt'
      ? command(
          `The client must send ${expected}. If its keys have changed, register the public ones.`,
          cardea('client', 'update', client.clientId, '--jwks-file', 'FILE'),
        )
      : request(`Nothing to change at Cardea: the client must send ${expected}.`),
  'auth-method': ({ client }) =>
    client
      ? command(
          `The client is registered for ${client.authMethod} and tried another way. Let it use that one, or register ` +
            `the way it uses: ${typeRules[client.type].mayHaveAuthMethods.join(', ')}.`,
          cardea('client', 'update', client.clientId, '--auth-method', 'METHOD'),
        )
      : request('Let the client authenticate in the way that it is registered for.'),
  'grant-type': mendGrantType,
  pkce: ({ client }) => {
    const change =
      'Let the app send code_challenge (the base64url SHA-256 of its code_verifier) with code_challenge_method=S256; ' +
      'every maintained OpenID Connect library does by itself.';
    return client && client.authMethod !== 'none' && client.pkceRequired
      ? command(
          `${change} If this confidential client cannot, PKCE can be lifted for it, which is weaker.`,
          cardea('client', 'update', client.clientId, '--legacy-without-pkce'),
        )
      : request(`Nothing to change at Cardea. ${change}`);
  },
  request: ({ expected }) => request(`Nothing to change at Cardea: the app must send ${expected}.`),
  again: ({ expected }) =>
    request(
      `Nothing to change at Cardea. The app needs ${expected}; when it has none, it sends the person through ` +
        'sign-in again (a service asks for a new token).',
    ),
  person: () =>
    nothing('Nothing to change on the client: the person decided. They can start again from the app.'),
  wait: () =>
    nothing('Nothing to change on the client: it waits as long as the answer says, and asks again then.'),
  'token-size': ({ refusal }) =>
    nothing(
      `Nothing to change on the client, unless it asks for less. ${
        /largest claim is (\w+)/.exec(refusal.description ?? '')?.[1] === 'permissions'
          ? 'The person holds many permissions at that API: give fewer roles, or roles with fewer permissions.'
          : 'Let the token carry less of the claim that was named: fewer roles, scopes or details, or an opaque token.'
      }`,
    ),
  ours: ({ refusal }) =>
    nothing(
      `Nothing to change on the client: the fault is Cardea's. ${
        refusal.requestId ? `The log has it under the request ${refusal.requestId}.` : 'The log tells more.'
      }`,
    ),
};

function mendClient(about: MendContext): Mend {
  const { refusal, client } = about;
  const id = client?.clientId ?? refusal.clientId ?? refusal.sent?.client_id;
  if (client?.status === 'disabled') {
    return command(
      `The client ${client.clientId} is disabled: nothing that it asks for is answered. Enable it, if that is meant:`,
      cardea('client', 'enable', client.clientId),
    );
  }
  if (client?.authMethod === 'private_key_jwt') return mends.keys(about);
  if (client) return mendSecret(about);
  if (id === undefined) {
    return request('Let the client name itself with its client_id and authenticate as it is registered.');
  }
  return command(
    'No client of that id is registered. See whether it is mistyped, or register it.',
    cardea('client', 'list'),
    cardea('client', 'create', '--id', id, '--name', 'NAME', '--type', 'TYPE'),
  );
}

function mendSecret({ client }: MendContext): Mend {
  if (client?.authMethod === 'none') {
    return request('This client has no secret: it sends its client_id alone, and no Authorization header.');
  }
  return client
    ? command(
        'See whether the client uses its newest secret. If that is lost, make a new one; the old ones go on for a day.',
        cardea('client', 'rotate-secret', client.clientId),
      )
    : request('Let the client send a secret that is alive.');
}

function mendGrantType({ refusal, client }: MendContext): Mend {
  const wanted = refusal.sent?.grant_type;
  if (!client || wanted === undefined)
    return request('Let the client use a grant that it is registered for.');
  const may: readonly string[] = typeRules[client.type].mayHaveGrantTypes;
  if (client.grantTypes.includes(wanted)) return request('The client is registered for this grant by now.');
  if (!may.includes(wanted)) {
    return request(
      `A client of the type ${client.type} cannot have the grant ${wanted}. Use one of ${client.grantTypes.join(', ')}, ` +
        'or register another client of a type that has it.',
    );
  }
  const all = [...client.grantTypes, wanted].flatMap((grant) => ['--grant', grant]);
  return command('Register the grant for this client.', cardea('client', 'update', client.clientId, ...all));
}
