/** What apps and agents have of an account: what was allowed, what lives of it, who acts through it. */
import type { Consent } from '../accounts/consents.ts';
import type { Client } from '../clients/client.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import type { FamilyRecord } from '../storage/family-rows.ts';
import { displayName, httpsUrl } from '../web/names.ts';

/** A right in plain words, as the consent page said it. */
export interface RightItem {
  readonly title: string;
  readonly detail: string | undefined;
  readonly sensitive: boolean;
  readonly owner: string | undefined;
}

export interface Rights {
  readonly scopes: readonly string[];
  readonly claims: readonly string[];
  readonly resources: Readonly<Record<string, readonly string[]>>;
}

/** Times are ms since the epoch. */
export interface ConnectedApp {
  readonly clientId: string;
  readonly name: string;
  /** `agent`: it introduced itself, as AI agents and tools do; `device`: without a browser of its own. */
  readonly kind: 'app' | 'device' | 'agent';
  /** Who vouches for it: the operators here, the site that describes it, or nobody. */
  readonly vouched: 'operators' | 'site' | 'nobody';
  readonly site: string | undefined;
  readonly rights: readonly RightItem[];
  /** Single acts, such as payments, that were allowed. */
  readonly acts: number;
  readonly since: number;
  readonly lastUsedAt: number | undefined;
  readonly lastNetwork: string | undefined;
  /** How many sign-ins of it live; 0: it may, and does not. */
  readonly living: number;
  /** Services that have acted for the person with its access, by name. */
  readonly through: readonly string[];
}

export interface ConnectedAppsParts {
  consents(accountId: string): Promise<readonly Consent[]>;
  /** The living ones. */
  families(accountId: string): Promise<readonly FamilyRecord[]>;
  findClient(clientId: string): Promise<Client | undefined>;
  resources(): Promise<readonly ResourceServer[]>;
  /** Who exchanged tokens of whom, lately. */
  exchanges(
    accountId: string,
  ): Promise<readonly { readonly clientId: string; readonly subjectClientId: string }[]>;
  describe(rights: Rights, lang: string): Promise<readonly RightItem[]>;
}

/** Last used first. */
export async function connectedApps(
  parts: ConnectedAppsParts,
  accountId: string,
  lang: string,
): Promise<readonly ConnectedApp[]> {
  const [consents, families, servers, exchanges] = await Promise.all([
    parts.consents(accountId),
    parts.families(accountId),
    parts.resources(),
    parts.exchanges(accountId),
  ]);
  const ids = new Set([...consents, ...families].map(({ clientId }) => clientId));
  const nameOf = async (clientId: string) =>
    displayName((await parts.findClient(clientId))?.name ?? '') || displayName(clientId);

  async function one(clientId: string): Promise<ConnectedApp> {
    const consent = consents.find((it) => it.clientId === clientId);
    const own = families.filter((it) => it.clientId === clientId);
    const client = await parts.findClient(clientId);
    const last = own.toSorted((a, b) => (b.lastUsedAt ?? 0) - (a.lastUsedAt ?? 0))[0];
    const actors = new Set(
      exchanges.filter((it) => it.subjectClientId === clientId).map((it) => it.clientId),
    );
    return {
      clientId,
      name: await nameOf(clientId),
      kind: client?.registered ? 'agent' : client?.type === 'device' ? 'device' : 'app',
      vouched: vouchedBy(client),
      site: client?.registered === 'metadata-document' ? hostOf(clientId) : hostOf(client?.clientUri),
      rights: await parts.describe(rightsOf(consent, own, servers), lang),
      acts: consent?.details.length ?? 0,
      since: consent?.grantedAt ?? Math.min(...own.map(({ bornAt }) => bornAt)),
      lastUsedAt: last?.lastUsedAt,
      lastNetwork: last?.lastNetwork,
      living: own.length,
      through: await Promise.all([...actors].map(nameOf)),
    };
  }

  const all = await Promise.all([...ids].map(one));
  return all.sort((a, b) => (b.lastUsedAt ?? b.since) - (a.lastUsedAt ?? a.since));
}

function vouchedBy(client: Client | undefined): ConnectedApp['vouched'] {
  if (!client || client.registered === 'dynamic') return 'nobody';
  return client.registered === 'metadata-document' ? 'site' : 'operators';
}

/**
 * What was allowed, and what living families hold beyond it: those of apps that need no consent. A family knows its
 * scopes by name alone; each belongs to the first API that has it.
 */
function rightsOf(
  consent: Consent | undefined,
  families: readonly FamilyRecord[],
  servers: readonly ResourceServer[],
): Rights {
  const scopes = new Set(consent?.scopes);
  const resources = new Map(
    Object.entries(consent?.resources ?? {}).map(([audience, names]) => [audience, new Set(names)] as const),
  );
  const isKnown = (name: string) =>
    scopes.has(name) || [...resources.values()].some((names) => names.has(name));
  for (const name of families.flatMap((family) => family.scopes.split(' ').filter(Boolean))) {
    if (isKnown(name)) continue;
    const audience = servers.find((server) => server.scopes.some((scope) => scope.name === name))?.audience;
    if (audience === undefined) scopes.add(name);
    else resources.set(audience, (resources.get(audience) ?? new Set()).add(name));
  }
  return {
    scopes: [...scopes],
    claims: consent?.claims ?? [],
    resources: Object.fromEntries([...resources].map(([audience, names]) => [audience, [...names]])),
  };
}

function hostOf(address: string | undefined): string | undefined {
  const url = httpsUrl(address);
  return url === undefined ? undefined : new URL(url).host;
}
