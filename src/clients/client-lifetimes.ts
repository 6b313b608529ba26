/**
 * How long what a client is given lives: what it asks for, and never more than the policy gives (config/lifetimes.ts).
 * Asking for more is accepted, since the policy may grow; it is warned of, and the policy wins.
 */
import type { ClientType, Lifetimes } from '../config/lifetimes.ts';
import type { InputReader } from './input-reader.ts';

/** What a client may ask for; seconds. */
export interface ClientLifetimes {
  readonly type: ClientType;
  readonly familyIdleSeconds?: number | undefined;
  readonly familyAbsoluteSeconds?: number | undefined;
  readonly accessTokenSeconds?: number | undefined;
}

/** What it gets; seconds. Zero for a client without token families. */
export interface EffectiveLifetimes {
  readonly familyIdle: number;
  readonly familyAbsolute: number;
}

export function familyLifetimes(client: ClientLifetimes, policy: Lifetimes): EffectiveLifetimes {
  const familyAbsolute = least(client.familyAbsoluteSeconds, policy.familyAbsolute[client.type]);
  return {
    familyIdle: Math.min(least(client.familyIdleSeconds, policy.familyIdle[client.type]), familyAbsolute),
    familyAbsolute,
  };
}

/** @param apiSeconds what the API that the token is for gives; absent: the policy's */
export function accessTokenLifetime(
  client: Pick<ClientLifetimes, 'accessTokenSeconds'> | undefined,
  policy: Lifetimes,
  apiSeconds: number | undefined,
): number {
  return least(client?.accessTokenSeconds, apiSeconds ?? policy.accessToken);
}

export interface Beyond {
  readonly member: 'familyIdleSeconds' | 'familyAbsoluteSeconds' | 'accessTokenSeconds';
  readonly asked: number;
  readonly given: number;
}

/** Where a client asks for more than the policy gives. An API may give longer access tokens than the policy does. */
export function beyondPolicy(client: ClientLifetimes, policy: Lifetimes): readonly Beyond[] {
  const given = {
    familyIdleSeconds: policy.familyIdle[client.type],
    familyAbsoluteSeconds: policy.familyAbsolute[client.type],
    accessTokenSeconds: policy.accessToken,
  };
  return (Object.keys(given) as (keyof typeof given)[]).flatMap((member) => {
    const asked = client[member];
    return asked !== undefined && asked > given[member] ? [{ member, asked, given: given[member] }] : [];
  });
}

function least(asked: number | undefined, given: number): number {
  return asked === undefined ? given : Math.min(asked, given);
}

export const lifetimeMembers = ['familyIdleSeconds', 'familyAbsoluteSeconds', 'accessTokenSeconds'] as const;

/** The bounds of the settings themselves (config/lifetimes.ts): a minute, ten years; a day for an access token. */
const LEAST = 60;
const MOST = {
  familyIdleSeconds: 315_360_000,
  familyAbsoluteSeconds: 315_360_000,
  accessTokenSeconds: 86_400,
};

export function judgeLifetimeMembers(
  read: Pick<InputReader, 'integer' | 'fault'>,
): Partial<Record<(typeof lifetimeMembers)[number], number>> {
  const given = lifetimeMembers.flatMap((member) => {
    const seconds = read.integer(member, LEAST, MOST[member]);
    return seconds === undefined ? [] : [[member, seconds] as const];
  });
  const found: Partial<Record<(typeof lifetimeMembers)[number], number>> = Object.fromEntries(given);
  const { familyIdleSeconds: idle, familyAbsoluteSeconds: absolute } = found;
  if (idle !== undefined && absolute !== undefined && idle > absolute) {
    read.fault('familyIdleSeconds', 'must not be longer than familyAbsoluteSeconds');
  }
  return found;
}
