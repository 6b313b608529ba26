/** To the provider and back: the redirect there, and the answer, redeemed once. */
import type { Purpose, Settled } from './attempts.ts';
import { callbackPath } from './provider.ts';
import type { From } from './upstream-needs.ts';
import type { UpstreamParts } from './upstream-parts.ts';

export type Begun =
  | { readonly kind: 'go'; readonly url: string; readonly name: string }
  /** Unknown, or disabled. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreachable'; readonly name: string };

export type Received =
  /** Unknown, used, too old, of another provider or of another browser: one answer. */
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'received';
      readonly purpose: Purpose;
      /** Leads to what came of it, in this browser. */
      readonly handle: string;
      /** For the operator; absent when somebody is named. */
      readonly failure?: string;
    };

export interface RoundTrip {
  begin(o: {
    providerId: string;
    purpose: Purpose;
    /** What only this browser can show. */
    browser: string;
    /** Somebody who is signed in there already is to sign in anew. */
    fresh: boolean;
    loginHint?: string | undefined;
  }): Promise<Begun>;
  /** A cross-site POST's answer, kept for the GET that follows. @returns its handle */
  keep(providerId: string, answer: URLSearchParams): Promise<string | undefined>;
  receive(
    providerId: string,
    browser: string,
    by: { answer: URLSearchParams } | { handle: string },
    from: From,
  ): Promise<Received>;
}

export function createRoundTrip(parts: UpstreamParts): RoundTrip {
  const { clock, audit, issuer, directory, client, attempts, onOutcome } = parts;
  return {
    async begin({ providerId, purpose, browser, fresh, loginHint }) {
      const provider = await directory.find(providerId);
      if (!provider) return { kind: 'absent' };
      const sent = await attempts.begin({ providerId, purpose, fresh, browser });
      const redirectUri = issuer + callbackPath(providerId);
      const secret = directory.secretOf(provider);
      const url = await client.authorizationUrl(provider, secret, { ...sent, redirectUri, loginHint });
      if (url.kind === 'url') return { kind: 'go', url: url.url, name: provider.name };
      onOutcome('failed');
      return { kind: 'unreachable', name: provider.name };
    },
    keep: attempts.keep,
    async receive(providerId, browser, by, from) {
      const provider = await directory.find(providerId);
      const taken = provider && (await attempts.take(providerId, browser, by));
      if (!taken) return { kind: 'gone' };
      const { sent, answer } = taken;
      const { purpose } = sent;
      const at = clock.now();
      const redirectUri = issuer + callbackPath(providerId);
      const secret = directory.secretOf(provider);
      const came = await client.redeem(provider, secret, answer, { ...sent, redirectUri });
      const outcome: Settled['outcome'] =
        came.kind === 'person'
          ? { kind: 'person', person: came.person, standing: { emailProved: false } }
          : { kind: 'failed', reason: came.reason };
      const handle = await attempts.settle(sent, { providerId, purpose, at, outcome });
      if (came.kind === 'person') return { kind: 'received', purpose, handle };
      onOutcome('failed');
      const detail = { provider: providerId, reason: came.detail };
      audit.later({ type: 'identity.refused', detail, actor: { kind: 'anonymous' }, ...from });
      return { kind: 'received', purpose, handle, failure: came.detail };
    },
  };
}
