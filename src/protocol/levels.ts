/**
 * Levels of sign-in (`acr`) and methods (`amr`): the one place that says what was proved (docs/step-up.md). A level is
 * claimed for what was proved in the sign-in itself, never for what the client asked for.
 */

/** One factor · two factors of different kinds · one that cannot be phished: a passkey whose owner was verified. */
export const levels = ['urn:cardea:acr:1', 'urn:cardea:acr:2', 'urn:cardea:acr:3'] as const;

/** 0: nothing was proved. A higher rank includes the lower ones. */
export type Rank = 0 | 1 | 2 | 3;

/**
 * RFC 8176 has `pwd`, `otp`, `pop`, `user` and `mfa`; `email`, `recovery` and `upstream` are ours. Two methods of one kind
 * are one factor: whoever holds the mailbox often holds the upstream account that is named after it.
 */
const kindOf: Readonly<Record<string, 'known' | 'mailbox' | 'held'>> = {
  pwd: 'known',
  email: 'mailbox',
  upstream: 'mailbox',
  otp: 'held',
  recovery: 'held',
  pop: 'held',
};

/** The rank that these methods reach together. Words that are no method add nothing. */
export function rankOf(amr: readonly string[]): Rank {
  if (amr.includes('pop') && amr.includes('user')) return 3;
  const kinds = new Set(amr.flatMap((method) => (Object.hasOwn(kindOf, method) ? kindOf[method] : [])));
  if (kinds.size === 0) return 0;
  // `mfa` comes alone only from an upstream provider whose word the operator has chosen to trust.
  return kinds.size > 1 || amr.includes('mfa') ? 2 : 1;
}

/** The level that these methods reach together; undefined when none of them is a factor. */
export function levelOf(amr: readonly string[]): string | undefined {
  const rank = rankOf(amr);
  return rank === 0 ? undefined : levels[rank - 1];
}

/** 0 for what is no level of ours. */
export function rankOfLevel(acr: unknown): Rank {
  return ((levels as readonly unknown[]).indexOf(acr) + 1) as Rank;
}

/** All methods, each once, in the order in which they were proved; `mfa` last, where more than one factor was. */
export function joinMethods(...proved: readonly (readonly string[])[]): readonly string[] {
  const methods = new Set(proved.flat());
  methods.delete('mfa');
  const multiple = proved.some((amr) => amr.includes('mfa')) || rankOf([...methods]) > 1;
  return multiple ? [...methods, 'mfa'] : [...methods];
}
