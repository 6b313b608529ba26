/** What an operator demands of a sign-in besides its first factor. */

/** From lax to strict. `optional`: asked of those who have switched it on. `passkey`: only a passkey will do. */
export const secondFactorPolicies = ['none', 'optional', 'required', 'passkey'] as const;

export type SecondFactorPolicy = (typeof secondFactorPolicies)[number];

/** Setting, client, roles and account may each have a say; the strictest wins, and silence says nothing. */
export function strictestPolicy(said: readonly (SecondFactorPolicy | undefined)[]): SecondFactorPolicy {
  const ranks = said.map((policy) => (policy === undefined ? 0 : secondFactorPolicies.indexOf(policy)));
  return secondFactorPolicies[Math.max(0, ...ranks)] ?? 'passkey';
}
