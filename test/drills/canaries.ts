/**
 * Everything secret that a run handed out or that somebody entered, taken from the wire itself and not from the
 * program's own view; and a search for it in what the run left behind.
 */

/** A secret and what it was. */
export interface Canary {
  readonly kind: string;
  readonly value: string;
}

export interface Tap {
  /** For `onBytes` of a wire. */
  hear(connection: number, chunk: Buffer): void;
  /** Every secret that has passed so far, each once. */
  canaries(): readonly Canary[];
}

const inAnswers: readonly (readonly [string, RegExp])[] = [
  ['cookie', /^set-cookie: *[^=\s]+=([^;\r\n]+)/gim],
  ['code', /[?&](?:amp;)?code=([^&\s"#]+)/g],
  ['code', /name="code" value="([^"]+)"/g],
  ['token', /"(?:access_token|refresh_token|id_token)":"([^"]+)"/g],
  ['form secret', /name="(?:csrf|xsrf|_csrf)"[^>]*value="([^"]+)"/g],
  ['form secret', /value="([^"]+)"[^>]*name="(?:csrf|xsrf|_csrf)"/g],
];
const inRequests: readonly (readonly [string, RegExp])[] = [
  ['password', /(?:^|[&\n])password=([^&\s]+)/g],
  ['client secret', /[&?\n]client_secret=([^&\s]+)/g],
  ['refresh token', /[&?\n]refresh_token=([^&\s]+)/g],
  ['hint', /[?&]id_token_hint=([^&\s]+)/g],
  ['setup token', /\/setup\/([A-Za-z0-9_-]{43})/g],
  ['bearer', /^authorization: *bearer +(\S+)/gim],
];

export function openTap(): Tap {
  const heard = new Map<number, string>();
  return {
    hear: (connection, chunk) => {
      heard.set(connection, (heard.get(connection) ?? '') + chunk.toString('latin1'));
    },
    canaries: () => {
      const found = new Map<string, Canary>();
      for (const [connection, text] of heard) {
        for (const [kind, pattern] of connection < 0 ? inAnswers : inRequests) {
          for (const [, raw = ''] of text.matchAll(pattern)) {
            const value = decodeURIComponent(raw.replaceAll('+', ' '));
            // Shorter ones ("yes", an emptied cookie) would be found by chance.
            if (value.length >= 12) found.set(value, { kind, value });
          }
        }
      }
      return [...found.values()];
    },
  };
}

/** Where a value stands, as it is, percent-encoded, in base64 or as hexadecimal digits. */
export function findCanaries(canaries: readonly Canary[], places: ReadonlyMap<string, Buffer>): string[] {
  const hits: string[] = [];
  for (const { kind, value } of canaries) {
    const forms = new Set([
      value,
      encodeURIComponent(value),
      // Without the last characters, which depend on what follows.
      Buffer.from(value).toString('base64').replace(/=+$/, '').slice(0, -2),
      Buffer.from(value).toString('hex'),
    ]);
    for (const [place, bytes] of places) {
      for (const form of forms) {
        const at = bytes.indexOf(form);
        if (at >= 0) {
          const around = bytes.subarray(Math.max(0, at - 120), at + form.length + 40).toString('latin1');
          hits.push(`${kind} ${value.slice(0, 12)}… in ${place}: ${around}`);
          break;
        }
      }
    }
  }
  return hits;
}
