/** Whether a session is enough for what a route needs, and which sign-in would be. */
import type { PortalFront, PortalSession } from './portal-front.ts';
import type { Needs } from './portal-routes.ts';

export type Enough =
  | { readonly kind: 'enough' }
  /** What to ask of the front door. */
  | { readonly kind: 'sign-in-again'; readonly maxAgeSeconds: number; readonly level?: string | undefined };

export type JudgeSession = (needs: Needs, session: PortalSession) => Promise<Enough>;

/**
 * NIST SP 800-63B section 5.2, reauthentication before sensitive acts: a session that somebody left open, or stole, does
 * not change how the account is signed in to.
 */
export function createJudgeSession(o: {
  front: Pick<PortalFront, 'strongLevels'>;
  clock: { now(): number };
  recentSeconds: number;
}): JudgeSession {
  return async (needs, session) => {
    if (needs === 'signed-in') return { kind: 'enough' };
    const levels = needs === 'recent-strong' ? await o.front.strongLevels(session.accountId) : undefined;
    const isStrong = levels === undefined || (session.acr !== undefined && levels.includes(session.acr));
    // The engine's own words for `max_age` (OpenID Connect Core section 3.1.2.1), so that it asks when we would.
    const isRecent = Math.floor(o.clock.now() / 1000) - session.authTime <= o.recentSeconds;
    if (isStrong && isRecent) return { kind: 'enough' };
    return { kind: 'sign-in-again', maxAgeSeconds: o.recentSeconds, level: levels?.[0] };
  };
}
