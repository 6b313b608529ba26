/** Whoever came back from a provider: who they are here, and the sign-in of those who are linked. */
import type { Held, Settled } from './attempts.ts';
import { findIdentity, type IdentityKey, touchIdentity } from './identities-store.ts';
import type { UpstreamPerson } from './person.ts';

import type { Address, From } from './upstream-needs.ts';
import type { ProviderButton, SignedIn, Standing, UpstreamParts } from './upstream-parts.ts';

/** An attempt by which the provider named somebody. */
export type Known = Settled & { readonly outcome: Extract<Settled['outcome'], { kind: 'person' }> };

/** Somebody who is not linked, with the address that the provider gave. */
export interface Stranger {
  readonly person: UpstreamPerson;
  readonly standing: Known['outcome']['standing'];
  readonly provider: ProviderButton;
  readonly address: Address;
}

export interface Coming {
  stand(held: Held, uid: string): Promise<Standing | undefined>;
  /** Signs in whoever is linked; uses the attempt up. `refused`: the account is not active. */
  signIn(held: Held, uid: string, from: From): Promise<SignedIn | { readonly kind: 'refused' } | undefined>;
  buttonOf(providerId: string): Promise<ProviderButton>;
  /** Of this visit, of a provider that is still enabled, and linked to nobody. */
  stranger(held: Held, uid: string): Promise<Stranger | undefined>;
}

export function createComing(parts: UpstreamParts): Coming {
  const { db, clock, audit, directory, attempts, needs, onOutcome } = parts;

  const buttonOf = async (providerId: string): Promise<ProviderButton> => {
    const provider = await directory.find(providerId);
    return { id: providerId, name: provider?.name ?? providerId };
  };

  async function ofVisit(held: Held, uid: string): Promise<Settled | undefined> {
    const settled = await attempts.find(held);
    if (!settled || !isOfVisit(settled, uid)) return undefined;
    return (await directory.find(settled.providerId)) && settled;
  }

  const addressOf = ({ email }: UpstreamPerson) => (email === undefined ? undefined : needs.addressOf(email));

  return {
    buttonOf,
    async stranger(held, uid) {
      const settled = await ofVisit(held, uid);
      if (!settled || !isPerson(settled)) return undefined;
      const { person, standing } = settled.outcome;
      const address = addressOf(person);
      if (!address || (await findIdentity(db, keyOf(person)))) return undefined;
      return { person, standing, provider: await buttonOf(settled.providerId), address };
    },
    async stand(held, uid) {
      const settled = await ofVisit(held, uid);
      if (!settled) return undefined;
      const provider = await buttonOf(settled.providerId);
      if (settled.outcome.kind === 'failed') {
        return { kind: 'failed', provider, reason: settled.outcome.reason };
      }
      const { person, standing } = settled.outcome;
      if (await findIdentity(db, keyOf(person))) return { kind: 'known', provider };
      const address = addressOf(person);
      if (!address) return { kind: 'closed', provider };
      const { email, canonical } = address;
      // Before it is proved, the answer is the same whether there is such an account or not (THREATS S12).
      if (!isProved({ person, standing })) return { kind: 'prove', provider, email };
      if (await needs.findByAddress(db, canonical)) return { kind: 'prove', provider, email };
      if (!(await needs.signUpAllowed(canonical))) return { kind: 'closed', provider, email };
      return { kind: 'join', provider, email, name: person.profile.name ?? '' };
    },
    async signIn(held, uid, from) {
      const found = await ofVisit(held, uid);
      if (!found) return undefined;
      const at = clock.now();
      const used = await db.transaction().execute(async (trx) => {
        const settled = await attempts.use(trx, held);
        if (!settled || !isPerson(settled)) return undefined;
        const { person } = settled.outcome;
        const accountId = await touchIdentity(trx, keyOf(person), at);
        return accountId === undefined ? undefined : { person, accountId };
      });
      if (!used) return undefined;
      const { person, accountId } = used;
      const account = await needs.findSettled(accountId);
      if (!account?.active) {
        const detail = { provider: person.providerId, reason: 'the account is not active' };
        audit.later({
          type: 'identity.refused',
          detail,
          actor: { kind: 'anonymous' },
          accountId,
          ...from,
        });
        onOutcome('failed');
        return { kind: 'refused' };
      }
      onOutcome('signed-in');
      return { kind: 'signed-in', accountId, amr: methodsOf(person), at };
    },
  };
}

/**
 * RFC 8176 has no word for it: `upstream`, and the provider's own name, by which a client's ways to sign in are held
 * against a session. `mfa` and what a passkey proves only where the operator reads them so.
 */
export function methodsOf({ providerId, level }: UpstreamPerson): readonly string[] {
  const there = ['upstream', `upstream:${providerId}`];
  if (level === 'urn:cardea:acr:3') return [...there, 'pop', 'user', 'mfa'];
  return level === 'urn:cardea:acr:2' ? [...there, 'mfa'] : there;
}

/** That the address is the person's: our own code came back, or the operator believes the provider. */
export function isProved({ person, standing }: Pick<Stranger, 'person' | 'standing'>): boolean {
  return person.emailTrusted || standing.emailProved;
}

export function keyOf({ providerId, issuer, subject }: UpstreamPerson): IdentityKey {
  return { providerId, issuer, subject };
}

export function isPerson(settled: Settled): settled is Known {
  return settled.outcome.kind === 'person';
}

export function isOfVisit({ purpose }: Settled, uid: string): boolean {
  return purpose.kind === 'sign-in' && purpose.uid === uid;
}
