/**
 * The mails that there are and what each says. Owned by this room: templates, the outbox and its delivery. Not owned:
 * whose address it is and what has happened, which the caller brings.
 */

/** What a template is given. Times are ms since the epoch. */
export interface MailData {
  /** A key of a sign-in (refresh token or code) was used twice, and the sign-in was ended for it. */
  'sign-in-ended': {
    /** The app's name, as it was registered: somebody else's text. */
    readonly app: string;
    readonly at: number;
    readonly network?: string | undefined;
    readonly firstNetwork?: string | undefined;
    readonly millisecondsApart?: number | undefined;
  };
}

export type MailKind = keyof MailData;

/** A mail to be written. `key`: at most one mail is ever written for what bears it. */
export type Message = {
  [K in MailKind]: {
    readonly kind: K;
    readonly key: string;
    readonly accountId: string;
    /** The address as the person typed it. */
    readonly to: string;
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
