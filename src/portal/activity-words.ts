/**
 * Which audit events a person sees of their own account, and in which words. The compiler holds the list complete: an
 * event type without a line here does not compile, so nobody adds one and forgets the person whom it is about. What can
 * never carry an account is `hidden`; what is `shown` needs its text in views/locales/en.json.
 */

import type { AuditDetails, AuditType } from '../audit/catalogue.ts';
import type { AuditRecord } from '../audit/search.ts';

/** `shown`: its text is `portal.activity.<type>`, or with what `variantOf` says after a further dot. */
export const visibility: Readonly<Record<AuditType, 'shown' | 'hidden'>> = {
  'account.created': 'shown',
  'account.updated': 'shown',
  'account.password-set': 'shown',
  'account.reset-asked': 'shown',
  'account.password-rehashed': 'hidden',
  'account.not-me': 'shown',
  'account.signed-in': 'shown',
  'account.sign-in-refused': 'shown',
  'account.sign-in-suspected': 'shown',
  'account.locked': 'shown',
  'account.unlocked': 'shown',
  'account.signed-out': 'shown',
  'account.data-downloaded': 'shown',
  'account.disabled': 'shown',
  'account.enabled': 'shown',
  'account.deleted': 'hidden',
  'account.deletion-planned': 'shown',
  'account.kept': 'shown',
  'role.created': 'hidden',
  'role.updated': 'hidden',
  'role.deleted': 'hidden',
  'role.granted': 'shown',
  'role.revoked': 'shown',
  'consent.granted': 'shown',
  'consent.refused': 'hidden',
  'consent.withdrawn': 'shown',
  // What an administrator does to an app stands under that person's name and is no news of their account.
  'client.created': 'hidden',
  'client.updated': 'hidden',
  'client.lifetime-beyond-policy': 'hidden',
  'client.disabled': 'hidden',
  'client.enabled': 'hidden',
  'client.deleted': 'hidden',
  'client.secret-rotated': 'hidden',
  'client.secret-deleted': 'hidden',
  'registration-token.created': 'hidden',
  'registration-token.deleted': 'hidden',
  'resource.created': 'hidden',
  'resource.updated': 'hidden',
  'resource.deleted': 'hidden',
  'key.created': 'hidden',
  'key.rotated': 'hidden',
  'key.removed': 'hidden',
  'key.resealed': 'hidden',
  // Every few minutes of an app in use.
  'token.issued': 'hidden',
  'token.refreshed': 'hidden',
  'token.exchanged': 'hidden',
  'token.replayed': 'shown',
  'token.large': 'hidden',
  'token.revoked': 'hidden',
  'grant.refused': 'hidden',
  // Told by what ended it: a sign-out, a new password, a key that was used twice.
  'family.ended': 'hidden',
  'mail.sent': 'hidden',
  'mail.given-up': 'hidden',
  'session.started': 'hidden',
  'session.ended': 'shown',
  'logout.given-up': 'hidden',
  'setup.link-made': 'hidden',
  'setup.completed': 'hidden',
  'invitation.created': 'hidden',
  'invitation.deleted': 'hidden',
  'invitation.accepted': 'shown',
  'provider.created': 'hidden',
  'provider.updated': 'hidden',
  'provider.enabled': 'hidden',
  'provider.disabled': 'hidden',
  'provider.deleted': 'hidden',
  'identity.linked': 'shown',
  'identity.unlinked': 'shown',
  'identity.refused': 'shown',
  'passkey.added': 'shown',
  'passkey.renamed': 'shown',
  'passkey.removed': 'shown',
  'passkey.counter-went-back': 'shown',
  'authenticator.added': 'shown',
  'authenticator.renamed': 'shown',
  'authenticator.removed': 'shown',
  'recovery-codes.made': 'shown',
  // Stands beside the removal of the last factor.
  'recovery-codes.removed': 'hidden',
  'first-factor.accepted': 'shown',
  'second-factor.accepted': 'shown',
  'second-factor.refused': 'shown',
};

export const shownTypes = Object.entries(visibility).flatMap(([type, seen]) =>
  seen === 'shown' ? [type as AuditType] : [],
);

/** Every variant there is of a type that has them: the test asks for the text of each. */
export const variants: Readonly<Partial<Record<AuditType, readonly string[]>>> = {
  'account.updated': ['email', 'emailVerified', 'secondFactor', 'profile'],
  'account.password-set': ['self', 'operator', 'setup', 'reset'],
  'account.sign-in-refused': ['rejected', 'disabled', 'locked', 'busy'],
  'account.signed-out': ['everywhere', 'others', 'here'],
  'token.replayed': ['answered', 'refused', 'family-ended'],
  'second-factor.accepted': ['totp', 'recovery', 'email'],
  'second-factor.refused': ['totp', 'recovery', 'email'],
};

/** The text's key for an event. */
export function activityText({ type, detail }: Pick<AuditRecord, 'type' | 'detail'>): string {
  const variant = variants[type] === undefined ? undefined : variantOf(type, detail);
  return variant === undefined ? `portal.activity.${type}` : `portal.activity.${type}.${variant}`;
}

function variantOf(type: AuditType, detail: AuditRecord['detail']): string | undefined {
  switch (type) {
    case 'account.updated': {
      const { fields } = detail as AuditDetails['account.updated'];
      return ['email', 'emailVerified', 'secondFactor'].find((field) => fields.includes(field)) ?? 'profile';
    }
    case 'account.password-set':
      return (detail as AuditDetails['account.password-set']).by;
    case 'account.sign-in-refused':
      return (detail as AuditDetails['account.sign-in-refused']).reason;
    case 'account.signed-out': {
      const { everywhere, others } = detail as AuditDetails['account.signed-out'];
      if (others) return 'others';
      return everywhere ? 'everywhere' : 'here';
    }
    case 'token.replayed':
      return (detail as AuditDetails['token.replayed']).outcome;
    case 'second-factor.accepted':
    case 'second-factor.refused':
      return (detail as AuditDetails['second-factor.accepted' | 'second-factor.refused']).factor;
    default:
      return undefined;
  }
}
