/** What the pages of mailed links and codes need from the rest of the house, as functions. */

/** Where a request comes from, for the audit. */
export interface From {
  /** throttle/networks.ts */
  readonly network: string;
  readonly requestId: string;
}

/** What one button does. Its texts are `link.<purpose>.…`, in camel case. */
export interface ConfirmLink {
  /** What the texts name; undefined when the link is dead. Uses nothing up. */
  describe(token: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Uses it up, and does what it is for. */
  confirm(token: string, from: From): Promise<'done' | 'gone'>;
}

/** Purposes whose page is a sentence and a button (accounts/mailed-proofs.ts). */
export type ConfirmPurpose = 'verify-email' | 'change-email' | 'not-me' | 'cancel-deletion';

export interface MailedFront {
  /** What a live link is for. Uses nothing up. */
  purposeOf(token: string): Promise<string | undefined>;
  readonly confirm: Readonly<Partial<Record<ConfirmPurpose, ConfirmLink>>>;
}
