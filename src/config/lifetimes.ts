import { duration, type Kind } from './kinds.ts';

/** The five classes of clients; how long their token families live depends on it. */
export type ClientType = 'web' | 'spa' | 'native' | 'service' | 'device';

/** How long everything lives, in seconds. The only place; whatever else has a lifetime derives it from here. */
export interface Lifetimes {
  readonly authorizationCode: number;
  readonly accessToken: number;
  readonly idToken: number;
  readonly interaction: number;
  readonly sessionIdle: number;
  readonly sessionAbsolute: number;
  /** Of a session that the person did not want to be remembered. */
  readonly briefIdle: number;
  readonly briefAbsolute: number;
  readonly familyIdle: Readonly<Record<ClientType, number>>;
  readonly familyAbsolute: Readonly<Record<ClientType, number>>;
  readonly refreshReplayWindow: number;
  readonly pushedRequest: number;
  readonly deviceCode: number;
  readonly setupLink: number;
  readonly recentSignIn: number;
  readonly deletionGrace: number;
  readonly mailedLink: number;
  readonly mailedCode: number;
  readonly invitation: number;
  readonly passkeyChallenge: number;
  readonly signingKeyPublish: number;
  readonly jwksCache: number;
  readonly refusal: number;
  readonly familyHistory: number;
  readonly unusedClient: number;
  readonly neverUsedClient: number;
}

/** One line of the table: its default, what it means, and why it is what it is. */
export interface LifetimeRow {
  readonly name: string;
  readonly seconds: number;
  readonly kind: Kind<number>;
  readonly meaning: string;
}

const minute = 60;
const hour = 3600;
const day = 86_400;

function row(name: string, seconds: number, min: number, max: number, meaning: string): LifetimeRow {
  return { name: `CARDEA_LIFETIME_${name}`, seconds, kind: duration(min, max), meaning };
}

/** The lifetimes that are the same for every client. */
export const lifetimeRows: Readonly<
  Record<Exclude<keyof Lifetimes, 'familyIdle' | 'familyAbsolute'>, LifetimeRow>
> = {
  // RFC 6749 section 4.1.2 recommends at most ten minutes; a redirect takes seconds.
  authorizationCode: row(
    'AUTHORIZATION_CODE',
    minute,
    5,
    10 * minute,
    'from the redirect to the code exchange',
  ),
  accessToken: row(
    'ACCESS_TOKEN',
    15 * minute,
    minute,
    day,
    'an access token, unless its resource server says otherwise',
  ),
  idToken: row('ID_TOKEN', hour, minute, day, 'an ID token'),
  interaction: row('INTERACTION', hour, 5 * minute, day, 'a sign-in page that somebody has open'),
  sessionIdle: row('SESSION_IDLE', 3 * day, 5 * minute, 90 * day, 'a browser session that is not used'),
  sessionAbsolute: row(
    'SESSION_ABSOLUTE',
    14 * day,
    5 * minute,
    365 * day,
    'a browser session in all, however much it is used',
  ),
  // NIST SP 800-63B section 5.2 has twelve hours in all for one sign-in; a shared computer is left within the two.
  briefIdle: row(
    'SESSION_BRIEF_IDLE',
    2 * hour,
    5 * minute,
    30 * day,
    'the same for who did not want to be kept signed in',
  ),
  briefAbsolute: row(
    'SESSION_BRIEF_ABSOLUTE',
    12 * hour,
    5 * minute,
    30 * day,
    'such a session in all; the browser forgets it when it closes',
  ),
  // A lost answer is repeated within seconds; each second more is one in which a stolen token works beside its owner.
  refreshReplayWindow: row(
    'REFRESH_REPLAY_WINDOW',
    30,
    0,
    5 * minute,
    'a used refresh token still gets its first answer again; `0` is strict',
  ),
  // RFC 9126 section 2.2: 5 to 600 seconds; FAPI 2.0 Security Profile section 5.3.2.2: less than 600.
  pushedRequest: row('PUSHED_REQUEST', minute, 5, 10 * minute - 1, 'a pushed authorization request'),
  // RFC 8628 section 5.1: the shorter a code lives, the fewer guesses it sees.
  deviceCode: row('DEVICE_CODE', 10 * minute, minute, 10 * minute, 'the code shown on a device'),
  setupLink: row('SETUP_LINK', hour, 5 * minute, day, 'the one-time link that makes the first administrator'),
  // NIST SP 800-63B section 5.2: what a session that was left open may not do is worth signing in for. Ten minutes are
  // enough to add a passkey and write down recovery codes in one go.
  recentSignIn: row(
    'RECENT_SIGN_IN',
    10 * minute,
    minute,
    hour,
    'a sign-in counts as recent for sensitive changes at `/account`; after that the person signs in again',
  ),
  // Whoever finds a mailbox open later finds nothing that works; greylisting servers hold mail back for some five minutes.
  mailedLink: row(
    'MAILED_LINK',
    15 * minute,
    5 * minute,
    day,
    'a mailed link and its code that choose a new password or confirm an address',
  ),
  // NIST SP 800-63B section 3.1.3.2: an out-of-band secret lives for ten minutes at most.
  mailedCode: row('MAILED_CODE', 10 * minute, minute, 10 * minute, 'a mailed code that signs in'),
  // People are on holiday; what it opens is one account with the roles that an operator chose.
  invitation: row(
    'INVITATION',
    7 * day,
    hour,
    90 * day,
    'an invitation, unless it was made for another time',
  ),
  // WebAuthn Level 3 section 15.1 recommends five to ten minutes: a phone must be fetched and a code scanned with it.
  passkeyChallenge: row(
    'PASSKEY_CHALLENGE',
    5 * minute,
    30,
    15 * minute,
    'how long a page waits for a passkey before it asks anew',
  ),
  // Long enough to come back from a holiday to a mail that one has not asked for.
  deletionGrace: row(
    'DELETION_GRACE',
    14 * day,
    0,
    90 * day,
    'an account that its holder deletes can be kept; `0` deletes it at once',
  ),
  signingKeyPublish: row(
    'SIGNING_KEY_PUBLISH',
    hour,
    1,
    30 * day,
    'a new signing key is published this long before it signs; not shorter than the JWKS cache',
  ),
  jwksCache: row('JWKS_CACHE', hour, 1, day, 'clients may keep the JWKS this long'),
  refusal: row('REFUSAL', 7 * day, hour, 90 * day, 'the recorded story of a refused request'),
  // After a month nobody asks any more why an app had signed them out.
  familyHistory: row(
    'FAMILY_HISTORY',
    30 * day,
    hour,
    365 * day,
    'what is remembered of a token family after its last limit: who, which app, and why it ended',
  ),
  // Longer than a native app's refresh tokens rest by default, so that no living access ends by it.
  unusedClient: row(
    'UNUSED_CLIENT',
    90 * day,
    hour,
    3650 * day,
    'a client that registered itself, after the last time it got a token',
  ),
  // What scanners and failed set-ups leave behind would otherwise fill the quota.
  neverUsedClient: row(
    'NEVER_USED_CLIENT',
    7 * day,
    5 * minute,
    365 * day,
    'a client that registered itself and never got a token',
  ),
};

/** Token families: `idle` since the last refresh, `absolute` since the sign-in. Service clients have none. */
export const familyRows: Readonly<
  Record<Exclude<ClientType, 'service'>, { idle: LifetimeRow; absolute: LifetimeRow }>
> = {
  web: family('WEB', 14 * day, 90 * day, 'a web application'),
  // A browser keeps tokens where scripts reach them: short.
  spa: family('SPA', day, 7 * day, 'a single-page app'),
  native: family('NATIVE', 30 * day, 365 * day, 'a phone or desktop app'),
  device: family('DEVICE', 30 * day, 180 * day, 'a device without a browser'),
};

function family(name: string, idle: number, absolute: number, of: string) {
  return {
    idle: row(
      `FAMILY_IDLE_${name}`,
      idle,
      minute,
      3650 * day,
      `the refresh tokens of ${of}, when they are not used`,
    ),
    absolute: row(
      `FAMILY_ABSOLUTE_${name}`,
      absolute,
      minute,
      3650 * day,
      `the refresh tokens of ${of} in all`,
    ),
  };
}

/**
 * Builds the lifetimes, asking `take` for each line of the table.
 * @param take gives the seconds of a line: its setting, or its default
 */
export function buildLifetimes(take: (row: LifetimeRow) => number): Lifetimes {
  const families = (which: 'idle' | 'absolute') => ({
    web: take(familyRows.web[which]),
    spa: take(familyRows.spa[which]),
    native: take(familyRows.native[which]),
    device: take(familyRows.device[which]),
    service: 0,
  });
  const sessionIdle = take(lifetimeRows.sessionIdle);
  const sessionAbsolute = take(lifetimeRows.sessionAbsolute);
  return {
    authorizationCode: take(lifetimeRows.authorizationCode),
    accessToken: take(lifetimeRows.accessToken),
    idToken: take(lifetimeRows.idToken),
    interaction: take(lifetimeRows.interaction),
    sessionIdle,
    sessionAbsolute,
    // Never more than a remembered session has: who sets that to an hour need not set these.
    briefIdle: Math.min(take(lifetimeRows.briefIdle), sessionIdle),
    briefAbsolute: Math.min(take(lifetimeRows.briefAbsolute), sessionAbsolute),
    familyIdle: families('idle'),
    familyAbsolute: families('absolute'),
    refreshReplayWindow: take(lifetimeRows.refreshReplayWindow),
    pushedRequest: take(lifetimeRows.pushedRequest),
    deviceCode: take(lifetimeRows.deviceCode),
    setupLink: take(lifetimeRows.setupLink),
    recentSignIn: take(lifetimeRows.recentSignIn),
    deletionGrace: take(lifetimeRows.deletionGrace),
    mailedLink: take(lifetimeRows.mailedLink),
    mailedCode: take(lifetimeRows.mailedCode),
    invitation: take(lifetimeRows.invitation),
    passkeyChallenge: take(lifetimeRows.passkeyChallenge),
    signingKeyPublish: take(lifetimeRows.signingKeyPublish),
    jwksCache: take(lifetimeRows.jwksCache),
    refusal: take(lifetimeRows.refusal),
    familyHistory: take(lifetimeRows.familyHistory),
    unusedClient: take(lifetimeRows.unusedClient),
    neverUsedClient: take(lifetimeRows.neverUsedClient),
  };
}

/** The lifetimes of an installation that sets none. */
export const defaultLifetimes: Lifetimes = buildLifetimes((line) => line.seconds);

/** What contradicts itself among otherwise good lifetimes, one sentence each. */
export function judgeLifetimes(lifetimes: Lifetimes): readonly string[] {
  const faults: string[] = [];
  const atMost = (low: LifetimeRow, lowSeconds: number, high: LifetimeRow, highSeconds: number) => {
    if (lowSeconds > highSeconds) faults.push(`${low.name}: must not be longer than ${high.name}`);
  };
  atMost(
    lifetimeRows.sessionIdle,
    lifetimes.sessionIdle,
    lifetimeRows.sessionAbsolute,
    lifetimes.sessionAbsolute,
  );
  atMost(lifetimeRows.briefIdle, lifetimes.briefIdle, lifetimeRows.briefAbsolute, lifetimes.briefAbsolute);
  for (const type of ['web', 'spa', 'native', 'device'] as const) {
    const rows = familyRows[type];
    atMost(rows.idle, lifetimes.familyIdle[type], rows.absolute, lifetimes.familyAbsolute[type]);
  }
  // A client that has just fetched the JWKS keeps it that long: a younger key would sign what it cannot check.
  atMost(
    lifetimeRows.jwksCache,
    lifetimes.jwksCache,
    lifetimeRows.signingKeyPublish,
    lifetimes.signingKeyPublish,
  );
  return faults;
}
