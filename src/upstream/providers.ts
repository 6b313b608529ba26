/** Providers: made, changed and ended by the operator. Every change is one transaction with its audit event and its note. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Actor } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import { noteChange } from '../storage/changes.ts';
import type { Sealing } from '../storage/sealing.ts';
import type { Database } from '../storage/tables.ts';
import { countIdentities } from './identities-store.ts';
import type { Provider } from './provider.ts';
import { type Fault, judgeProvider, type ProviderInput } from './provider-rules.ts';
import {
  countProviders,
  deleteProvider,
  findProvider,
  insertProvider,
  listProviders,
  setEnabled,
  storeSealedSecret,
  updateProvider,
} from './providers-store.ts';

export type ProviderChanged =
  | { readonly kind: 'stored'; readonly provider: Provider }
  | { readonly kind: 'faults'; readonly faults: readonly Fault[] }
  | { readonly kind: 'exists' }
  | { readonly kind: 'absent' };

export interface Providers {
  /** @param secret the client secret, or undefined for a public client */
  create(input: ProviderInput, secret: string | undefined, actor: Actor): Promise<ProviderChanged>;
  /** Members that are absent stay, and so does the secret. The id and the preset never change. */
  update(
    providerId: string,
    patch: Omit<ProviderInput, 'providerId' | 'preset'>,
    secret: string | undefined,
    actor: Actor,
  ): Promise<ProviderChanged>;
  find(providerId: string): Promise<Provider | undefined>;
  list(): Promise<readonly Provider[]>;
  /** @returns undefined when there is none */
  setEnabled(providerId: string, enabled: boolean, actor: Actor): Promise<Provider | undefined>;
  /** With every link of an account to it. @returns how many those were; undefined when there is none */
  delete(providerId: string, actor: Actor): Promise<number | undefined>;
  /** Seals every secret under the first master key. */
  reseal(): Promise<void>;
}

/** All are kept in memory and shown on one page. */
export const MAX_PROVIDERS = 50;
/** Longer than any that a provider gives out. */
const MAX_SECRET = 1_000;

export function createProviders(o: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  sealing: Pick<Sealing, 'seal' | 'open'>;
}): Providers {
  const { db, clock, audit, sealing } = o;

  async function changed(trx: Kysely<Database>, providerId: string): Promise<ProviderChanged> {
    await noteChange(trx, 'provider', 'all');
    const found = await findProvider(trx, providerId);
    return found ? { kind: 'stored', provider: found.provider } : { kind: 'absent' };
  }

  const faultOf = (secret: string | undefined): readonly Fault[] =>
    secret !== undefined && (secret.length > MAX_SECRET || /[\p{Cc}]/u.test(secret))
      ? [{ field: 'clientSecret', message: 'must be one line of at most 1,000 characters' }]
      : [];

  return {
    async create(input, secret, actor) {
      const faults = faultOf(secret);
      const judged = judgeProvider(input, secret !== undefined);
      if (judged.kind === 'faults' || faults.length > 0) {
        return { kind: 'faults', faults: [...faults, ...(judged.kind === 'faults' ? judged.faults : [])] };
      }
      const { provider } = judged;
      const { providerId } = provider;
      return db.transaction().execute(async (trx): Promise<ProviderChanged> => {
        if ((await countProviders(trx)) >= MAX_PROVIDERS) {
          return {
            kind: 'faults',
            faults: [{ field: 'providerId', message: `is one too many: ${MAX_PROVIDERS} at most` }],
          };
        }
        const sealed = secret === undefined ? undefined : sealing.seal(secret, secretPlace(providerId));
        if (!(await insertProvider(trx, provider, sealed, clock.now()))) return { kind: 'exists' };
        const detail = { provider: providerId, issuer: provider.issuer };
        await audit.append(trx, { type: 'provider.created', actor, detail });
        return changed(trx, providerId);
      });
    },
    async update(providerId, patch, secret, actor) {
      const faults = faultOf(secret);
      if (faults.length > 0) return { kind: 'faults', faults };
      return db.transaction().execute(async (trx): Promise<ProviderChanged> => {
        const before = await findProvider(trx, providerId, true);
        if (!before) return { kind: 'absent' };
        const { enabled, createdAt, updatedAt, ...input } = before.provider;
        const given = Object.entries(patch).filter(([, value]) => value !== undefined);
        const hasSecret = secret !== undefined || before.sealedSecret !== undefined;
        const judged = judgeProvider({ ...input, ...Object.fromEntries(given) }, hasSecret);
        if (judged.kind === 'faults') return judged;
        const sealed =
          secret === undefined ? before.sealedSecret : sealing.seal(secret, secretPlace(providerId));
        await updateProvider(trx, judged.provider, sealed, clock.now());
        const fields = [...given.map(([field]) => field), ...(secret === undefined ? [] : ['clientSecret'])];
        await audit.append(trx, {
          type: 'provider.updated',
          actor,
          detail: { provider: providerId, fields },
        });
        return changed(trx, providerId);
      });
    },
    find: async (providerId) => (await findProvider(db, providerId))?.provider,
    list: async () => (await listProviders(db)).map(({ provider }) => provider),
    setEnabled: (providerId, enabled, actor) =>
      db.transaction().execute(async (trx) => {
        if (await setEnabled(trx, providerId, enabled, clock.now())) {
          const type = enabled ? 'provider.enabled' : 'provider.disabled';
          await audit.append(trx, { type, actor, detail: { provider: providerId } });
        }
        const now = await changed(trx, providerId);
        return now.kind === 'stored' ? now.provider : undefined;
      }),
    delete: (providerId, actor) =>
      db.transaction().execute(async (trx) => {
        const identities = await countIdentities(trx, providerId);
        if (!(await deleteProvider(trx, providerId))) return undefined;
        const detail = { provider: providerId, identities };
        await audit.append(trx, { type: 'provider.deleted', actor, detail });
        await noteChange(trx, 'provider', 'all');
        return identities;
      }),
    async reseal() {
      for (const { provider, sealedSecret } of await listProviders(db)) {
        if (sealedSecret === undefined) continue;
        const place = secretPlace(provider.providerId);
        const sealed = sealing.seal(sealing.open(sealedSecret, place), place);
        await storeSealedSecret(db, provider.providerId, sealed);
      }
    },
  };
}

/** What a secret is sealed for: it opens as no other provider's. */
export function secretPlace(providerId: string): string {
  return `upstream-provider:${providerId}`;
}
