/** Rounded up, so that nobody comes back too early: 'signIn.waitSeconds' or 'signIn.waitMinutes' with a number. */
export function waitText(seconds: number): { key: string; number: number } {
  if (seconds < 90) return { key: 'signIn.waitSeconds', number: Math.max(1, Math.ceil(seconds)) };
  return { key: 'signIn.waitMinutes', number: Math.ceil(seconds / 60) };
}
