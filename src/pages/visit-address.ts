/** Where a visit's pages live, and what its forms are bound to. */

/** Below the issuer's path. Steps are one level deeper. */
export function visitPath(uid: string): string {
  return `/interaction/${uid}`;
}

/** The purpose of the form tokens of this visit. */
export function visitPurpose(uid: string): string {
  return `interaction ${uid}`;
}

/** The visit, at its sign-up. */
export function signUpPath(uid: string): string {
  return `${visitPath(uid)}?account=new`;
}

/** What the passkey requests of this visit's pages are bound to, in this browser (web/csrf.ts). */
export function passkeyPurpose(uid: string): string {
  return `passkey ${uid}`;
}
