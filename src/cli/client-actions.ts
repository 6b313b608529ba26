/** What the client commands do. */
import type { Client } from '../clients/client.ts';
import type { ReceiverHealth } from '../storage/logout-queue.ts';
import { nextStepsFor, SECRET_WARNING } from './client-next-steps.ts';
import { clientInput } from './client-options.ts';
import { resolveRoles, setClientRoles } from './client-roles.ts';
import { failed, type Input, type Outcome } from './command.ts';
import { faultsFound } from './faults.ts';
import { pageSize } from './pages-of-lists.ts';
import { operator, type RoomsForCommands } from './rooms-for-commands.ts';
import { clean, textFields, textTable, textTime } from './text-table.ts';
import { showTimeline } from './timeline.ts';
import { wireClient, wireReceiver, wireSecret } from './wire.ts';

type Rooms = RoomsForCommands;

const noClient = (given: string) =>
  failed('not_found', `there is no client ${clean(given)}`, 'npx cardea client list shows them all');

export async function createClient(rooms: Rooms, input: Input): Promise<Outcome> {
  const given = clientInput(input);
  if (given.kind === 'failed') return given;
  const roles = await resolveRoles(rooms, input.texts('role') ?? [], input.texts('resource') ?? []);
  if (roles.kind === 'failed') return roles;
  const made = await rooms.clients.create(
    {
      ...given.input,
      clientId: input.text('id'),
      name: input.text('name') ?? '',
      // Judged by the rules, which name the types there are.
      type: input.text('type') as Client['type'],
    },
    operator,
  );
  if (made.kind === 'faults') return faultsFound('the client was not registered', made.faults);
  if (made.kind !== 'created') {
    return failed(
      'exists',
      `there is a client ${clean(input.text('id') ?? '')} already`,
      'npx cardea client update changes it',
    );
  }
  const { secret, warnings } = made;
  const { clientId } = made.client;
  await setClientRoles(rooms, clientId, roles.keys);
  return {
    kind: 'done',
    json: wireClient(made.client, roles.keys, secret),
    text: `Registered the ${made.client.type} client ${made.client.name}.\n\n${textFields([
      ['client_id', clientId],
      ['client_secret', secret],
      ['roles', roles.keys.map(({ role, audience }) => `${role} (${audience})`)],
    ])}${secret === undefined ? '' : `\n${SECRET_WARNING}\n`}`,
    warnings,
    next: nextStepsFor(made.client, rooms.settings.issuer),
  };
}

export async function listClientPage({ clients, roles }: Rooms, input: Input): Promise<Outcome> {
  const limit = pageSize(input);
  if (typeof limit !== 'number') return limit;
  const page = await clients.list({ after: input.text('after'), limit });
  const held = await Promise.all(page.clients.map(({ clientId }) => roles.ofClient(clientId)));
  return {
    kind: 'done',
    json: {
      clients: page.clients.map((one, place) => wireClient(one, held[place] ?? [])),
      ...(page.next !== undefined && { next: page.next }),
    },
    text: textTable(
      ['CLIENT', 'NAME', 'TYPE', 'STATUS', 'REGISTERED'],
      page.clients.map((one) => [one.clientId, one.name, one.type, one.status, one.registered ?? 'operator']),
    ),
    ...(page.next !== undefined && { next: `More:  npx cardea client list --after ${page.next}` }),
  };
}

export async function showClient({ clients, roles, logoutQueue }: Rooms, input: Input): Promise<Outcome> {
  const [given = ''] = input.positionals;
  const found = await clients.find(given);
  if (!found) return noClient(given);
  const [held, secrets] = await Promise.all([roles.ofClient(given), clients.listSecrets(given)]);
  const receiver = found.backchannelLogoutUri && (await logoutQueue.health(given));
  const text = textFields([
    ['client_id', found.clientId],
    ['name', found.name],
    ['type', `${found.type}${found.firstParty ? ', first party' : ''}`],
    ['status', found.status],
    [
      'registered',
      found.registered && `by ${found.registered === 'dynamic' ? 'itself' : 'its metadata document'}`,
    ],
    ['authenticates by', found.authMethod],
    ['grants', found.grantTypes],
    ['redirects to', found.redirectUris],
    ['after sign-out', found.postLogoutRedirectUris],
    ['called from', found.corsOrigins],
    ['told of sign-outs', found.backchannelLogoutUri],
    ['how that goes', receiver && receiverText(receiver)],
    ['scopes', found.scopes.join(' ')],
    ['resources', found.resources.map((one) => (one === found.defaultResource ? `${one} (default)` : one))],
    ['exchanges into', (found.exchange ?? []).map(({ audience, mode }) => `${audience} (${mode})`)],
    ['may act for it', found.mayAct],
    ['trusts assertions of', (found.assertionIssuers ?? []).map(({ issuer }) => issuer)],
    ['roles', held.map(({ role, audience }) => `${role} (${audience})`)],
    ['profile', found.profile],
    ['requests', found.requirePushedRequests ? 'by PAR only' : undefined],
    ['second factor', found.secondFactor],
    ['signs in with', found.signInWith],
    ['tokens', found.dpopBoundTokens ? 'bound by DPoP' : undefined],
    ['PKCE', found.pkceRequired ? undefined : 'not required (legacy)'],
    [
      'secrets',
      secrets.map((one) => {
        const end = one.expiresAt === undefined ? '' : `, ends ${textTime(one.expiresAt)}`;
        return `made ${textTime(one.createdAt)}, last used ${textTime(one.lastUsedAt) || 'never'}${end}`;
      }),
    ],
  ]);
  return {
    kind: 'done',
    json: {
      ...wireClient(found, held),
      secrets: secrets.map(wireSecret),
      ...(receiver && { logout_receiver: wireReceiver(receiver) }),
    },
    text,
  };
}

export async function showClientTimeline(rooms: Rooms, input: Input): Promise<Outcome> {
  const [id = ''] = input.positionals;
  if (!(await rooms.clients.find(id))) return noClient(id);
  return showTimeline(rooms, input, { clientId: id }, `npx cardea client timeline ${id}`);
}

function receiverText({ due, failed, lastToldAt, lastFault }: ReceiverHealth): string {
  const told = lastToldAt === undefined ? 'nothing told in a week' : `last told ${textTime(lastToldAt)}`;
  const fault = lastFault === undefined ? '' : `; last fault: ${clean(lastFault)}`;
  return `${told}, ${due} waiting, ${failed} given up${fault}`;
}

export async function updateClient(rooms: Rooms, input: Input): Promise<Outcome> {
  const [id = ''] = input.positionals;
  const given = clientInput(input);
  if (given.kind === 'failed') return given;
  const before = await rooms.clients.find(id);
  if (!before) return noClient(id);
  const wanted = input.texts('role')?.filter((role) => role !== '');
  const roles = await resolveRoles(rooms, wanted ?? [], given.input.resources ?? before.resources);
  if (roles.kind === 'failed') return roles;
  const patch = {
    ...given.input,
    name: input.text('name'),
    type: input.text('type') as Client['type'] | undefined,
  };
  const made = await rooms.clients.update(id, patch as Parameters<Rooms['clients']['update']>[1], operator);
  if (made.kind === 'faults') return faultsFound('the client was not changed', made.faults);
  if (made.kind !== 'updated') return noClient(id);
  if (wanted) await setClientRoles(rooms, id, roles.keys);
  const { secret, warnings } = made;
  return {
    kind: 'done',
    json: wireClient(made.client, await rooms.roles.ofClient(id), secret),
    text: `Changed the client ${id}.\n${secret === undefined ? '' : `\n${textFields([['client_secret', secret]])}\n${SECRET_WARNING}\n`}`,
    warnings,
  };
}

export async function rotateSecret({ clients }: Rooms, input: Input): Promise<Outcome> {
  const [id = ''] = input.positionals;
  const now = input.flag('now') === true;
  const made = await clients.rotateSecret(id, now ? { overlapSeconds: 0 } : {}, operator);
  if (made.kind === 'absent') return noClient(id);
  if (made.kind === 'no-secret')
    return failed('no_secret', `the client ${id} authenticates without a secret`);
  const until = now ? 'no longer works' : `works until ${textTime(made.othersExpireAt)}`;
  return {
    kind: 'done',
    json: {
      client_id: id,
      client_secret: made.secret,
      secret_id: made.secretId,
      others_expire_at: new Date(made.othersExpireAt).toISOString(),
    },
    text: `${textFields([
      ['client_id', id],
      ['client_secret', made.secret],
    ])}\n${SECRET_WARNING}\nWhat it had before ${until}.\n`,
  };
}

/** disable and enable: nothing to do is no failure. */
export function setClientStatus(verb: 'disable' | 'enable', text: (id: string) => string) {
  return async ({ clients, roles }: Rooms, input: Input): Promise<Outcome> => {
    const [id = ''] = input.positionals;
    await clients[verb](id, operator);
    const found = await clients.find(id);
    if (!found) return noClient(id);
    return { kind: 'done', json: wireClient(found, await roles.ofClient(id)), text: text(id) };
  };
}

export async function removeClient(rooms: Rooms, input: Input): Promise<Outcome> {
  const [id = ''] = input.positionals;
  if (!(await rooms.clients.delete(id, operator))) return noClient(id);
  await setClientRoles(rooms, id, []);
  return {
    kind: 'done',
    json: { deleted: true, client_id: id },
    text: `Deleted the client ${id}. Its secrets, and everything that was issued to it, have ended.\n`,
  };
}
