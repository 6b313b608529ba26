/**
 * Makes values fit for a log: bounded, without secrets and without characters that a terminal obeys.
 * This is the second line of defence; the first is that nobody hands a secret to a log.
 */

/** A field longer than this is cut: a log line must not grow with what strangers send. */
const longestText = 500;
const mostMembers = 30;
const deepest = 4;

// Compared without case, dashes and underscores. `code` is an authorization code; errors keep theirs (see cleanError).
const secretNames = new Set(
  'code,usercode,devicecode,verifier,codeverifier,authorization,proxyauthorization,dpop,proof,jwk,jwks,key,state,nonce,link,setuplink,session,sessionid,uid,csrf,otp,databaseurl,redisurl,passwordhash,credential,credentials,payload,body,cookies'.split(
    ',',
  ),
);
const secretEndings = [
  'password',
  'secret',
  'token',
  'tokenhint',
  'cookie',
  'assertion',
  'privatekey',
  'masterkey',
];

const judgedNames = new Map<string, boolean>();

/** Does a field of this name hold something that must not be written down? */
export function isSecretName(name: string): boolean {
  const known = judgedNames.get(name);
  if (known !== undefined) return known;
  const secret = judgeName(name);
  // The names in our own code are a few hundred; others may come from what strangers send.
  if (judgedNames.size < 1000) judgedNames.set(name, secret);
  return secret;
}

function judgeName(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[-_]/g, '');
  return secretNames.has(plain) || secretEndings.some((ending) => plain.endsWith(ending));
}

// Passwords inside URLs, JSON Web Tokens (also encrypted ones), and Authorization header values.
const secretShapes: readonly (readonly [RegExp, string])[] = [
  [/(:\/\/)[^\s/@]*@/g, '$1[secret]@'],
  [/\beyJ[\w-]{8,}(\.[\w-]*){1,4}/g, '[secret]'],
  [/\b(Bearer|Basic|DPoP)\s+[\w+/=.~-]{8,}/gi, '$1 [secret]'],
];

const plainText = /^[ -~]*$/;
const suspicious = /eyJ|@|bearer|basic|dpop/i;

/** One line of printable text: controls, escapes, and what turns the direction of text become visible `\u{…}`. */
export function cleanText(text: string, longest = longestText): string {
  // Nearly every text is short and plain: 0.2 µs instead of 2.
  if (text.length <= longest && plainText.test(text) && !suspicious.test(text)) return text;
  // Cut first: the patterns below run on a bounded text.
  let clean = text.slice(0, longest);
  for (const [shape, instead] of secretShapes) clean = clean.replace(shape, instead);
  clean = clean.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (bad) => `\\u{${bad.codePointAt(0)?.toString(16)}}`);
  return text.length > longest ? `${clean}… (${text.length} characters)` : clean;
}

/** What a log keeps of an error: its kind, message, system code, own frames and cause. */
function cleanError(error: Error, depth: number): Record<string, unknown> {
  const code = 'code' in error && typeof error.code === 'string' ? { code: cleanText(error.code, 60) } : {};
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: cleanText(error.name, 60),
    message: cleanText(error.message),
    ...code,
    stack: frames.slice(0, 12).map((line) => cleanText(line.trim(), 200)),
    ...(error.cause !== undefined && depth < deepest ? { cause: cleanValue(error.cause, depth + 1) } : {}),
  };
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return cleanError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= deepest) return '[deeper]';
  if (Array.isArray(value)) return value.slice(0, mostMembers).map((member) => cleanValue(member, depth + 1));
  if ('toJSON' in value && typeof value.toJSON === 'function') return cleanValue(value.toJSON(), depth + 1);
  return cleanFields(value, depth + 1);
}

/** The fields of a log line: secrets by name hidden, texts cut and escaped, depth and number bounded. */
export function cleanFields(fields: object, depth = 0): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields).slice(0, mostMembers)) {
    if (value === undefined) continue;
    clean[cleanText(name, 60)] = isSecretName(name) ? '[secret]' : cleanValue(value, depth);
  }
  return clean;
}
