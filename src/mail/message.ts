/**
 * The mails that there are and what each says. Owned by this room: templates, the outbox and its delivery. Not owned:
 * whose address it is and what has happened, which the caller brings.
 */

/** Something that the person is asked to do: a code that can be typed, and where it has one, a link that does the same. */
interface Code {
  /** As it is typed, in its groups. */
  readonly code: string;
  /** How long it works. */
  readonly minutes: number;
  /** The app that it is for: somebody else's text. */
  readonly app?: string | undefined;
  /** Where it was asked for (throttle/networks.ts). */
  readonly network?: string | undefined;
}
interface CodeAndLink extends Code {
  /** A path of ours, from its first slash. */
  readonly link: string;
}

/** Something that has happened to the account. Times are ms since the epoch. */
interface Notice {
  readonly at: number;
  readonly network?: string | undefined;
  /** Browser and system, by name. */
  readonly device?: string | undefined;
}

/** Ways to prove who one is, as `mail.word.<factor>` calls them. */
export type FactorWord = 'password' | 'passkey' | 'totp' | 'recovery' | 'email';

/** What a template is given. */
export interface MailData {
  'sign-up': CodeAndLink;
  /** Somebody signs up with an address that has an account. */
  'sign-up-known': { readonly link: string; readonly app?: string | undefined };
  /** Where accounts are made by invitation, and there is none for this address. */
  'sign-up-uninvited': { readonly app?: string | undefined };
  'verify-email': CodeAndLink;
  /** With how many ways in were removed since somebody else was in the account; absent: none. */
  'reset-password': CodeAndLink & {
    readonly passkeys?: number | undefined;
    readonly authenticators?: number | undefined;
    readonly providers?: number | undefined;
    readonly codes?: number | undefined;
  };
  'sign-in-code': Code;
  'second-factor-code': Code;
  /** To the new address. */
  'change-email': CodeAndLink;
  /** To the new address, which has an account already. */
  'change-email-taken': Record<string, never>;
  'link-identity': Code & { readonly provider: string };
  invitation: {
    readonly code: string;
    readonly link: string;
    readonly until: number;
    readonly from?: string | undefined;
  };

  /** A key of a sign-in (refresh token or code) was used twice, and the sign-in was ended for it. */
  'sign-in-ended': {
    readonly app: string;
    readonly at: number;
    readonly network?: string | undefined;
    /** Where the first use came from, when that is another place. */
    readonly firstNetwork?: string | undefined;
    readonly seconds?: number | undefined;
  };
  /** `link`: "this wasn't me". */
  'new-device': Notice & { readonly link: string; readonly app?: string | undefined };
  'password-changed': Notice;
  /** To the old address. `link`: "this wasn't me". */
  'email-changed': Notice & { readonly email: string; readonly link: string };
  'factor-added': Notice & { readonly factor: FactorWord; readonly name?: string | undefined };
  'factor-removed': Notice & { readonly factor: FactorWord; readonly name?: string | undefined };
  /** A passkey was right and its counter was not: there may be a copy of it. It was refused. */
  'passkey-suspected': Notice & { readonly name?: string | undefined };
  'recovery-codes-made': Notice;
  /** Either `left`, or `few` when the person should make new ones. */
  'recovery-code-used': Notice & {
    readonly left?: number | undefined;
    readonly few?: number | undefined;
  };
  /** Somebody who has the password tried codes until he was made to wait. */
  'codes-tried': Notice;
  'identity-linked': Notice & { readonly provider: string };
  'identity-unlinked': Notice & { readonly provider: string };
  'signed-out-everywhere': Notice;
  'data-downloaded': Notice;
  /** `link`: keep the account. */
  'deletion-planned': Notice & { readonly until: number; readonly link: string };
  'account-deleted': Notice;
}

export type MailKind = keyof MailData;

/** A mail to be written. `key`: at most one mail is ever written for what bears it. */
export type Message = {
  [K in MailKind]: {
    readonly kind: K;
    readonly key: string;
    /** Absent: nobody has an account with that address. */
    readonly accountId?: string | undefined;
    /** The address as the person typed it. */
    readonly to: string;
    /** BCP 47: where there is no account, or its holder has chosen none. A language of ours, else the default. */
    readonly locale?: string | undefined;
    /** Written like any other and sent to nobody: asking for it costs the same whoever has an account. */
    readonly withheld?: boolean | undefined;
    readonly data: MailData[K];
  };
}[MailKind];

/** Ready to be sent. */
export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface Envelope extends RenderedMail {
  readonly to: string;
  /** The same at every try, so that a second delivery is seen to be one (RFC 5322 section 3.6.4). */
  readonly messageId: string;
  /** ms */
  readonly at: number;
}

/** What one try gave. `refused`: the server will not take it, however often it is asked (RFC 5321 section 4.2.1). */
export type Delivery = { readonly kind: 'sent' } | { readonly kind: 'refused' } | { readonly kind: 'later' };

export interface Transport {
  send(mail: Envelope): Promise<Delivery>;
  close(): void;
}
