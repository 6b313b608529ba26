/**
 * Whether a password is known to have leaked, by a list that somebody keeps elsewhere (NIST SP 800-63B section 3.1.1.2).
 * Asked by k-anonymity: the first five of forty characters of the SHA-1 leave the house, some hundred suffixes with
 * counts come back, padded with made-up ones so that their number tells nothing. SHA-1 is the list's file name here and
 * protects nothing.
 *
 * No answer accepts the password: a list that is away must not keep people from choosing one.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** outbound/: asks one https address, guarded. @throws when it may not or does not answer */
type Send = (request: {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}) => Promise<{ readonly status: number; readonly body: Buffer }>;

/** True when it is on the list. Takes the password as it is hashed (NFC). Never throws. */
export type IsLeaked = (password: string) => Promise<boolean>;

/** Somebody waits behind a form. */
const TIMEOUT_MS = 2_000;

/** @param url ends in a slash @param onOutcome for metrics */
export function createPasswordRange({
  url,
  send,
  onOutcome,
}: {
  url: string;
  send: Send;
  onOutcome: (outcome: 'known' | 'unknown' | 'failed') => void;
}): IsLeaked {
  return async (password) => {
    const hash = createHash('sha1').update(password).digest('hex').toUpperCase();
    let outcome: 'known' | 'unknown' | 'failed' = 'failed';
    try {
      const headers = { accept: 'text/plain', 'Add-Padding': 'true' };
      const answer = await send({ url: url + hash.slice(0, 5), headers, timeoutMs: TIMEOUT_MS });
      if (answer.status === 200) {
        outcome = lists(answer.body.toString('latin1'), hash.slice(5)) ? 'known' : 'unknown';
      }
    } catch {
      // Refused, away, slow or too large: counted, and the password goes by the other rules.
    }
    onOutcome(outcome);
    return outcome === 'known';
  };
}

/** Lines `<35 hexadecimal characters>:<count>`; those with count 0 are padding. */
function lists(text: string, suffix: string): boolean {
  const wanted = Buffer.from(suffix);
  let found = false;
  for (const line of text.split('\n')) {
    const [, given = '', count = ''] = /^([0-9A-Fa-f]{35}):(\d{1,15})\s*$/.exec(line) ?? [];
    if (given === '' || /^0+$/.test(count)) continue;
    if (timingSafeEqual(Buffer.from(given.toUpperCase()), wanted)) found = true;
  }
  return found;
}
