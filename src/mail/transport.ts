/** SMTP by nodemailer. Its credentials stand in the URL of the setting, and in no log or error of ours. */
import type { Transporter } from 'nodemailer';
import type { Delivery, Envelope, Transport } from './message.ts';

/** A server that has not greeted by then is down for our purposes; the mail waits in the outbox meanwhile. */
const CONNECT_MS = 10_000;
/** Silence in a conversation: slow servers scan mail before they say yes. */
const SILENCE_MS = 30_000;

/**
 * @param url `smtp://user:password@host:port` or `smtps://…`; with a user, TLS is required unless the host is loopback
 * @param from an address, or `Name <address>`
 */
export function createSmtpTransport({
  url,
  from,
  isLoopback,
}: {
  url: string;
  from: string;
  isLoopback: (host: string) => boolean;
}): Transport {
  const { protocol, hostname, port, username, password } = new URL(url);
  const secure = protocol === 'smtps:';
  const options = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    ...(username === ''
      ? {}
      : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    requireTLS: !secure && username !== '' && !isLoopback(hostname),
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  // Loaded with the first mail: a server at rest, or without mail, does without its memory.
  let opened: Promise<Transporter> | undefined;
  let smtp: Transporter | undefined;
  async function open(): Promise<Transporter> {
    const { createTransport } = await import('nodemailer');
    smtp = createTransport(options);
    return smtp;
  }
  return {
    async send(mail) {
      try {
        opened ??= open();
        await (await opened).sendMail(messageOf(mail, from));
        return { kind: 'sent' };
      } catch (error) {
        return outcomeOf(error);
      }
    },
    close: () => smtp?.close(),
  };
}

function messageOf({ to, subject, text, html, messageId, at }: Envelope, from: string) {
  return {
    from,
    // As an object the address is one address, whatever commas or brackets it holds.
    to: { name: '', address: to },
    subject,
    text,
    html,
    messageId,
    date: new Date(at),
    // RFC 3834 section 5: no vacation notice answers it.
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

/**
 * RFC 5321 section 4.2.1: 5yz is a permanent refusal, 4yz and every fault of the connection are worth another try. So is
 * a refused sign-in of ours, which an operator can mend meanwhile.
 */
function outcomeOf(error: unknown): Delivery {
  const { responseCode, code } = error as { responseCode?: unknown; code?: unknown };
  const permanent = typeof responseCode === 'number' && responseCode >= 500 && responseCode < 600;
  return permanent && code !== 'EAUTH' ? { kind: 'refused' } : { kind: 'later' };
}
