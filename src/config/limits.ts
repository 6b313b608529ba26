import { formatSeconds, type Kind, parseSeconds } from './kinds.ts';

/** At most `limit` in a fixed window of `windowSeconds`. */
export interface Limit {
  readonly limit: number;
  readonly windowSeconds: number;
}

/** Every limit there is. A network is an IPv4 address or an IPv6 /64. */
export interface Limits {
  readonly signInPerAccount: Limit;
  readonly signInPerNetwork: Limit;
  readonly signInPerAccountAndNetwork: Limit;
  readonly signInPerDevice: Limit;
  readonly passkeyPerNetwork: Limit;
  readonly codesPerAccount: Limit;
  readonly tokenPerNetwork: Limit;
  readonly tokenPerClient: Limit;
  readonly failedClientAuthPerNetwork: Limit;
  readonly authorizePerNetwork: Limit;
  readonly introspectPerNetwork: Limit;
  readonly registrationsPerNetwork: Limit;
  readonly pagesPerNetwork: Limit;
  readonly userCodePerNetwork: Limit;
  readonly userCodePerBrowser: Limit;
  readonly refusalsPerNetwork: Limit;
  readonly mailPerAccount: Limit;
  readonly askedMailPerAddress: Limit;
  readonly askedMailPerNetwork: Limit;
  readonly askedMail: Limit;
  readonly codeTriesPerNetwork: Limit;
  readonly downloadsPerAccount: Limit;
}

/** One line of the table. */
export interface LimitRow {
  readonly name: string;
  readonly limit: Limit;
  readonly meaning: string;
}

/** `10/15m`: how many, in which window. No limit can be switched off; it can be made large. */
export const limitKind: Kind<Limit> = {
  form: 'how many in which window, such as `10/15m`; from 1 to 1000000000 in 1s to 1d',
  read(text) {
    const [many = '', window = '', ...rest] = text.split('/');
    const limit = /^\d{1,10}$/.test(many) ? Number(many) : 0;
    const windowSeconds = parseSeconds(window) ?? 0;
    return rest.length === 0 &&
      limit >= 1 &&
      limit <= 1_000_000_000 &&
      windowSeconds >= 1 &&
      windowSeconds <= 86_400
      ? { kind: 'value', value: { limit, windowSeconds } }
      : {
          kind: 'fault',
          fault: 'must be how many in which window, such as 10/15m: 1 to 1000000000 in 1s to 1d',
        };
  },
};

export function formatLimit(limit: Limit): string {
  return `${limit.limit}/${formatSeconds(limit.windowSeconds)}`;
}

function row(name: string, limit: number, windowSeconds: number, meaning: string): LimitRow {
  return { name: `CARDEA_LIMIT_${name}`, limit: { limit, windowSeconds }, meaning };
}

export const limitRows: Readonly<Record<keyof Limits, LimitRow>> = {
  // NIST SP 800-63B section 3.2.2 allows 100 failures in a row; ten in a quarter of an hour is a patient guesser's day of 960.
  signInPerAccount: row(
    'SIGN_IN_PER_ACCOUNT',
    10,
    900,
    'sign-in attempts on one account, from anywhere; then a growing delay, then a lock that opens by itself',
  ),
  // Offices and schools share an address: an order of magnitude above the limit of an account.
  signInPerNetwork: row('SIGN_IN_PER_NETWORK', 100, 900, 'sign-in attempts from one network, on any account'),
  signInPerAccountAndNetwork: row(
    'SIGN_IN_PER_ACCOUNT_AND_NETWORK',
    5,
    900,
    'sign-in attempts from one network on one account',
  ),
  signInPerDevice: row(
    'SIGN_IN_PER_DEVICE',
    10,
    900,
    'sign-in attempts of a browser that has signed in before; counted apart, so that strangers cannot lock it out',
  ),
  // Nobody guesses a signature: this bounds the checking that a stranger can cause. Only what fails is counted.
  passkeyPerNetwork: row('PASSKEY_PER_NETWORK', 100, 900, 'passkeys from one network that were refused'),
  // Whoever tries codes has the password. Each try of a code of six digits hits one of three: 30 a day are one chance in
  // 11,000 a day; ten a quarter of an hour, without this limit, would be one in 350.
  codesPerAccount: row(
    'CODES_PER_ACCOUNT',
    30,
    86_400,
    'short codes of a second factor tried on one account, beside the limits of sign-ins',
  ),
  // A hundred a second from one address: a busy API gateway; per client, ten times that.
  tokenPerNetwork: row('TOKEN_PER_NETWORK', 6000, 60, 'requests to the token endpoint from one network'),
  tokenPerClient: row('TOKEN_PER_CLIENT', 60_000, 60, 'requests to the token endpoint by one client'),
  // Secrets are random, so this is not about guessing them: it stops a misconfigured client from flooding the records.
  failedClientAuthPerNetwork: row(
    'FAILED_CLIENT_AUTH_PER_NETWORK',
    60,
    60,
    'failed client authentications from one network',
  ),
  authorizePerNetwork: row(
    'AUTHORIZE_PER_NETWORK',
    600,
    60,
    'requests to the authorization endpoint from one network',
  ),
  introspectPerNetwork: row(
    'INTROSPECT_PER_NETWORK',
    60_000,
    60,
    'introspections and revocations from one network',
  ),
  // Each one is a row that an operator may have to look at; a team behind one address that tries out agents makes a dozen.
  registrationsPerNetwork: row(
    'REGISTRATIONS_PER_NETWORK',
    60,
    3600,
    'clients that one network registers at `/oauth2/register`, successful or not',
  ),
  pagesPerNetwork: row('PAGES_PER_NETWORK', 600, 60, 'hosted pages asked for by one network'),
  // RFC 8628 section 5.1. Only codes that do not exist count, so an office that connects many devices never meets this;
  // 30 guesses of 20^8 codes leave one chance in 800 million for each code that is alive.
  userCodePerNetwork: row('USER_CODE_PER_NETWORK', 30, 900, 'wrong device codes typed in from one network'),
  userCodePerBrowser: row('USER_CODE_PER_BROWSER', 10, 900, 'wrong device codes typed in by one browser'),
  refusalsPerNetwork: row(
    'REFUSALS_PER_NETWORK',
    20,
    60,
    'refused requests of one network whose story is recorded; the others get a reference only',
  ),
  // Whoever ends an account's sign-ins again and again must not fill its mail box.
  mailPerAccount: row(
    'MAIL_PER_ACCOUNT',
    30,
    86_400,
    'mails that tell one account what happened to it; more are not written',
  ),
  askedMailPerAddress: row(
    'ASKED_MAIL_PER_ADDRESS',
    8,
    3600,
    'mails with codes and links to one address, whoever asks for them; more are not written, and a quarter is kept for whoever the account knows',
  ),
  // An office behind one address on the day when everybody has to choose a new password.
  askedMailPerNetwork: row(
    'ASKED_MAIL_PER_NETWORK',
    60,
    3600,
    'mails with codes and links that one network asks for, to any address; more are not written',
  ),
  // Far above what people ask for, far below what gets a sender on a list.
  askedMail: row('ASKED_MAIL', 300, 60, 'mails with codes and links altogether; more are not written'),
  // Five tries are left to each code; this bounds who goes from code to code.
  codeTriesPerNetwork: row(
    'CODE_TRIES_PER_NETWORK',
    60,
    900,
    'mailed codes that one network types in, right or wrong',
  ),
  // An archive reads all that there is of an account; nobody needs another one every few minutes.
  downloadsPerAccount: row(
    'DOWNLOADS_PER_ACCOUNT',
    5,
    86_400,
    'archives of everything that is stored about one account',
  ),
};

/** Builds the limits, asking `take` for each line of the table. */
export function buildLimits(take: (row: LimitRow) => Limit): Limits {
  return {
    signInPerAccount: take(limitRows.signInPerAccount),
    signInPerNetwork: take(limitRows.signInPerNetwork),
    signInPerAccountAndNetwork: take(limitRows.signInPerAccountAndNetwork),
    signInPerDevice: take(limitRows.signInPerDevice),
    passkeyPerNetwork: take(limitRows.passkeyPerNetwork),
    codesPerAccount: take(limitRows.codesPerAccount),
    tokenPerNetwork: take(limitRows.tokenPerNetwork),
    tokenPerClient: take(limitRows.tokenPerClient),
    failedClientAuthPerNetwork: take(limitRows.failedClientAuthPerNetwork),
    authorizePerNetwork: take(limitRows.authorizePerNetwork),
    introspectPerNetwork: take(limitRows.introspectPerNetwork),
    registrationsPerNetwork: take(limitRows.registrationsPerNetwork),
    pagesPerNetwork: take(limitRows.pagesPerNetwork),
    userCodePerNetwork: take(limitRows.userCodePerNetwork),
    userCodePerBrowser: take(limitRows.userCodePerBrowser),
    refusalsPerNetwork: take(limitRows.refusalsPerNetwork),
    mailPerAccount: take(limitRows.mailPerAccount),
    askedMailPerAddress: take(limitRows.askedMailPerAddress),
    askedMailPerNetwork: take(limitRows.askedMailPerNetwork),
    askedMail: take(limitRows.askedMail),
    codeTriesPerNetwork: take(limitRows.codeTriesPerNetwork),
    downloadsPerAccount: take(limitRows.downloadsPerAccount),
  };
}

/** The limits of an installation that sets none. */
export const defaultLimits: Limits = buildLimits((line) => line.limit);
