/**
 * Builds every room once, from the ground up, without HTTP: the server mounts them (app.ts), the command line calls
 * them. Whoever opened them closes them.
 */
import { fileURLToPath } from 'node:url';
import { createAccounts } from './accounts/accounts.ts';
import { createAuthenticate } from './accounts/authenticate.ts';
import { createConsents } from './accounts/consents.ts';
import { createKeptConsents } from './accounts/kept-consents.ts';
import { createPasswordChange } from './accounts/password-change.ts';
import { createPasswordRange } from './accounts/password-range.ts';
import { createPasswords } from './accounts/passwords.ts';
import { createRoles } from './accounts/roles.ts';
import { createSetupLink } from './accounts/setup-link.ts';
import { createClientAccess, createStandings } from './accounts/standing.ts';
import { createAudit } from './audit/audit.ts';
import { createRefusals } from './audit/refusals.ts';
import { readBranding } from './config/branding.ts';
import { systemClock } from './config/clock.ts';
import type { Secret } from './config/secret.ts';
import type { Settings } from './config/settings.ts';
import { createKeys } from './keys/keys.ts';
import type { Log } from './observability/log.ts';
import { createMetrics } from './observability/metrics.ts';
import { createOutbound } from './outbound/outbound.ts';
import { createBrowserSessions } from './sessions/browser-sessions.ts';
import { createLogoutDelivery } from './sessions/logout-delivery.ts';
import { openPlaces } from './sessions/places.ts';
import { createSessions } from './sessions/sessions.ts';
import { createTimeline } from './sessions/timeline.ts';
import { openArtifacts } from './storage/artifact-factory.ts';
import { createLease } from './storage/changes.ts';
import { openDatabase } from './storage/database.ts';
import { createFamilyIndex } from './storage/family-index.ts';
import { createLogoutQueue } from './storage/logout-queue.ts';
import { migrate, pendingMigrations } from './storage/migrator.ts';
import { createInstanceSecrets } from './storage/random-secrets.ts';
import { createSealing } from './storage/sealing.ts';
import { createDeviceCookies } from './throttle/device-cookie.ts';
import { createDeviceThrottle } from './throttle/device-throttle.ts';
import { createProofOfWork } from './throttle/proof-of-work.ts';
import { createRequestLimits } from './throttle/request-limits.ts';
import { createSignInThrottle } from './throttle/sign-in-throttle.ts';
import { createProviderDirectory } from './upstream/provider-directory.ts';
import { createProviders } from './upstream/providers.ts';
import { loadLanguages } from './web/texts.ts';
import { openClientRooms } from './wiring-clients.ts';
import { openFactors } from './wiring-factors.ts';
import { openMail } from './wiring-mail.ts';
import { openMailedRooms } from './wiring-mailed-rooms.ts';
import { openPasskeys } from './wiring-passkeys.ts';
import { createUpstreamRoom } from './wiring-upstream.ts';

export type Rooms = Awaited<ReturnType<typeof openRooms>>;

export interface RoomsOptions {
  readonly settings: Settings;
  readonly masterKeys: readonly Secret[];
  readonly log: Log;
  /** Apply pending migrations first. The embedded set-up always does. */
  readonly applyMigrations?: boolean;
}

/** The database has migrations to come, and nobody said to apply them. */
export class MigrationsPending extends Error {
  readonly names: readonly string[];
  constructor(names: readonly string[]) {
    super(`${names.length} migrations are pending: ${names.join(', ')}`);
    this.names = names;
  }
}

/** Closes in reverse order whatever was opened so far. */
function createClosers() {
  const closers: (() => Promise<void> | void)[] = [];
  return {
    add: (close: () => Promise<void> | void) => closers.push(close),
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}

/** @throws MigrationsPending, StorageUnavailable, UnfitRedis, DataDirInUse: with everything closed again */
export async function openRooms(options: RoomsOptions) {
  const closers = createClosers();
  try {
    return await build(options, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function build(options: RoomsOptions, closers: ReturnType<typeof createClosers>) {
  const { settings, log, masterKeys } = options;
  const { lifetimes, limits, leaseMs } = settings;
  const clock = systemClock;
  const metrics = createMetrics();

  // A database of places that cannot be read is told before anything is opened.
  const placeOf = openPlaces(settings.geoipFile);
  const branding = readBranding(settings.brandingFile);

  const database = await openDatabase({ settings, log });
  closers.add(database.close);
  const { db } = database;
  const pending = await pendingMigrations(db);
  if (pending.length > 0) {
    if (settings.setup !== 'embedded' && !options.applyMigrations) throw new MigrationsPending(pending);
    await migrate(db);
  }

  const sealing = createSealing(masterKeys);
  const {
    artifacts,
    counters,
    families,
    redis,
    close: closeArtifacts,
  } = await openArtifacts({
    settings,
    database,
    sealing,
    clock,
    log,
  });
  closers.add(closeArtifacts);
  const familyIndex = createFamilyIndex({ db, clock, log, keepSeconds: lifetimes.familyHistory });
  const secrets = createInstanceSecrets({ db, sealing });
  const lease = createLease({ db, clock, leaseMs, log });
  closers.add(lease.close);

  const audit = createAudit({ db, clock, log });
  closers.add(audit.close);
  // It answers into the audit, so it is closed, and with it flushed, before.
  closers.add(familyIndex.close);
  const languages = loadLanguages(fileURLToPath(new URL('../views/locales/', import.meta.url)));
  const mail = openMail({ settings, branding, languages, db, sealing, clock, log, audit, metrics });
  closers.add(mail.close);
  const refusals = createRefusals({
    db,
    clock,
    log,
    perNetwork: limits.refusalsPerNetwork,
    keepSeconds: lifetimes.refusal,
  });
  closers.add(refusals.close);

  const outbound = createOutbound({ ...settings.outbound, log });
  closers.add(outbound.close);

  const providers = createProviders({ db, clock, audit, sealing });
  const keys = createKeys({ db, sealing, clock, audit, lease, lifetimes, log });
  await keys.ensureFirstKeys();
  if (masterKeys.length > 1) {
    // A master key is being replaced: after this start the older ones open only what expires.
    await keys.reseal({ kind: 'system' });
    await secrets.reseal();
    await providers.reseal();
  }
  closers.add(keys.close);
  const providerDirectory = createProviderDirectory({ db, lease, sealing });

  const passwords = createPasswords({
    argon2: settings.argon2,
    minLength: settings.passwordMinLength,
    clock,
    words: [new URL(settings.issuer).hostname],
    isLeaked:
      settings.passwordRangeUrl === undefined
        ? undefined
        : createPasswordRange({
            url: settings.passwordRangeUrl,
            send: outbound.send,
            onOutcome: (outcome) => metrics.count('cardea_password_range_total', { outcome }),
          }),
    onHash: (seconds) => metrics.observe('cardea_password_hash_seconds', seconds),
  });
  const roles = createRoles({ db, clock, audit });
  const accounts = createAccounts({ db, clock, audit, passwords, lifetimes });
  const consents = createConsents({ db, clock, audit, lifetimes });
  const recallConsent = createKeptConsents({ lease, clock, find: consents.find });
  const standings = createStandings({ db, lease });
  const clientAccess = createClientAccess({ db, lease });
  const setupLink = createSetupLink({ db, clock, audit, passwords, lifetimes });

  const throttle = createSignInThrottle({ counters, limits, clock, ...settings.abuse });
  const proofOfWork = createProofOfWork({
    keys: await secrets.get('proof-of-work'),
    clock,
    claim: artifacts.claim,
  });
  const deviceThrottle = createDeviceThrottle({ counters, limits, clock });
  const requestLimits = createRequestLimits({ counters, limits, clock });
  const mailed = await openMailedRooms({
    settings,
    db,
    clock,
    audit,
    passwords,
    lifetimes,
    secrets,
    counters,
    mail,
    accounts,
    metrics,
  });
  const passwordChange = createPasswordChange({ db, clock, passwords, accounts, throttle, mail });
  const factors = await openFactors({
    settings,
    branding,
    db,
    clock,
    audit,
    sealing,
    throttle,
    mail,
    accounts,
    secrets,
  });
  if (masterKeys.length > 1) await factors.reseal();
  const upstream = createUpstreamRoom({
    db,
    clock,
    audit,
    passwords,
    sealing,
    settings,
    fetch: outbound.fetch,
    directory: providerDirectory,
    invitations: mailed.invitations,
    proofs: mailed.mailedProofs,
    budget: mailed.mailBudget,
    codeThrottle: mailed.codeThrottle,
    mail,
    metrics,
  });
  const deviceCookies = createDeviceCookies({ keys: await secrets.get('device-cookie'), clock });
  const authenticate = createAuthenticate({
    db,
    clock,
    audit,
    passwords,
    throttle,
    keepAccount: mailed.deletions.keep,
    onOutcome: (outcome) => metrics.count('cardea_sign_ins_total', { outcome }),
  });

  const passkeys = await openPasskeys({
    settings,
    db,
    clock,
    audit,
    secrets,
    artifacts,
    counters,
    mail,
    factors,
    metrics,
  });

  const ofClients = await openClientRooms({
    settings,
    db,
    clock,
    log,
    audit,
    lease,
    keys,
    secrets,
    outbound,
    roles,
    consents,
    closing: closers.add,
  });
  const timeline = createTimeline({ audit, families: familyIndex, clock });
  const sessions = createSessions({ artifacts, families, db, audit, clock, lifetimes });
  const browserSessions = createBrowserSessions({ db, sealing, sessions, audit, clock, lifetimes, log });
  closers.add(browserSessions.close);
  const logoutQueue = createLogoutQueue({ db, clock });
  const logoutDelivery = createLogoutDelivery({
    queue: logoutQueue,
    clock,
    log,
    audit,
    onOutcome: (outcome) => metrics.count('cardea_logout_notices_total', { outcome }),
  });
  closers.add(logoutDelivery.close);

  return {
    settings,
    clock,
    log,
    metrics,
    database,
    sealing,
    artifacts,
    counters,
    families,
    familyIndex,
    branding,
    languages,
    mail,
    redis,
    secrets,
    lease,
    audit,
    refusals,
    outbound,
    keys,
    providers,
    providerDirectory,
    upstream,
    passwords,
    roles,
    accounts,
    consents,
    recallConsent,
    standings,
    clientAccess,
    setupLink,
    passwordChange,
    throttle,
    requestLimits,
    proofOfWork,
    deviceThrottle,
    deviceCookies,
    factors,
    authenticate,
    passkeys,
    sessions,
    browserSessions,
    placeOf,
    logoutQueue,
    logoutDelivery,
    timeline,
    ...mailed,
    ...ofClients,
    close: closers.close,
  };
}
