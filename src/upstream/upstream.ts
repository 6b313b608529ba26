/**
 * Signing in with others: from the redirect to a provider to an account of ours, or to none.
 *
 * Who somebody is there is its issuer and subject, and nothing else (OpenID Connect Core section 5.7). Nobody becomes an
 * account by an address: whoever is not linked proves that the account with that address is theirs, and is linked when
 * the whole sign-in, second factor included, is done. A new account is made only for an address that was proved.
 */
import { type Coming, createComing } from './coming.ts';
import { createLinks, type Links } from './links.ts';
import { createProving, type Proving } from './proving.ts';
import { createRoundTrip, type RoundTrip } from './round-trip.ts';
import type { ProviderButton, UpstreamParts } from './upstream-parts.ts';

export interface Upstream extends RoundTrip, Proving, Links, Pick<Coming, 'stand' | 'signIn'> {
  /** Enabled providers, in the order of their buttons. */
  buttons(): Promise<readonly ProviderButton[]>;
  /** Whose people have addresses of this domain. */
  providerFor(email: string): Promise<ProviderButton | undefined>;
  /** For the sweep. */
  sweep(): Promise<number>;
}

export function createUpstream(parts: UpstreamParts): Upstream {
  const { directory, attempts, needs } = parts;
  const coming = createComing(parts);
  return {
    ...createRoundTrip(parts),
    ...createProving(parts, coming),
    ...createLinks(parts, coming),
    stand: coming.stand,
    signIn: coming.signIn,
    buttons: async () => (await directory.all()).map(({ providerId, name }) => ({ id: providerId, name })),
    async providerFor(email) {
      const domain = needs.addressOf(email)?.canonical.split('@')[1];
      const found = (await directory.all()).find(({ domains }) => domains.some((one) => one === domain));
      return found && { id: found.providerId, name: found.name };
    },
    sweep: attempts.sweep,
  };
}
