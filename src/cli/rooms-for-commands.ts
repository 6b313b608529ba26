/** What the commands need of the rooms, whoever opened them: the server, or the command line itself. */
import type { Accounts } from '../accounts/accounts.ts';
import type { Consents } from '../accounts/consents.ts';
import type { Invitations } from '../accounts/invitations.ts';
import type { Roles } from '../accounts/roles.ts';
import type { Audit } from '../audit/audit.ts';
import type { Actor } from '../audit/catalogue.ts';
import type { Refusals } from '../audit/refusals.ts';
import type { Clients } from '../clients/clients.ts';
import type { RegistrationTokens } from '../clients/registration-tokens.ts';
import type { ResourceServers } from '../clients/resource-servers.ts';
import type { Settings } from '../config/settings.ts';
import type { Factors } from '../factors/factors.ts';
import type { Keys } from '../keys/keys.ts';
import type { Mail } from '../mail/mail.ts';
import type { Passkeys } from '../passkeys/passkeys.ts';
import type { BrowserSessions } from '../sessions/browser-sessions.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Timeline } from '../sessions/timeline.ts';
import type { Lease } from '../storage/changes.ts';
import type { OpenDatabase } from '../storage/database.ts';
import type { LogoutQueue } from '../storage/logout-queue.ts';
import type { SignInThrottle } from '../throttle/sign-in-throttle.ts';
import type { Providers } from '../upstream/providers.ts';
import type { Languages } from '../web/texts.ts';

export interface DatabaseForCommands {
  readonly database: Pick<OpenDatabase, 'db'>;
}

export interface RoomsForCommands extends DatabaseForCommands {
  readonly settings: Pick<Settings, 'issuer' | 'registration' | 'mail'>;
  readonly accounts: Pick<
    Accounts,
    | 'create'
    | 'find'
    | 'findByEmail'
    | 'list'
    | 'setPassword'
    | 'setSecondFactor'
    | 'disable'
    | 'enable'
    | 'delete'
  >;
  readonly roles: Roles;
  readonly invitations: Pick<Invitations, 'create' | 'list' | 'delete'>;
  readonly consents: Pick<Consents, 'list'>;
  readonly factors: Pick<Factors, 'held' | 'remove' | 'removeAll'>;
  /** Undefined where browsers make none. */
  readonly passkeys: Pick<Passkeys, 'rpId' | 'list' | 'remove'> | undefined;
  readonly throttle: Pick<SignInThrottle, 'unlock'>;
  readonly clients: Pick<
    Clients,
    'create' | 'find' | 'list' | 'update' | 'rotateSecret' | 'listSecrets' | 'delete' | 'disable' | 'enable'
  >;
  readonly registrationTokens: Pick<RegistrationTokens, 'create' | 'list' | 'delete'>;
  readonly logoutQueue: Pick<LogoutQueue, 'health'>;
  readonly resources: Pick<ResourceServers, 'all' | 'create' | 'update' | 'delete'>;
  readonly providers: Omit<Providers, 'reseal'>;
  readonly mail: Pick<Mail, 'templates' | 'sendNow'>;
  readonly languages: Pick<Languages, 'locales' | 'files'>;
  readonly keys: Pick<Keys, 'list' | 'rotate'>;
  readonly refusals: Pick<Refusals, 'look' | 'flush'>;
  readonly audit: Pick<Audit, 'append'>;
  readonly sessions: Pick<Sessions, 'signOutEverywhere'>;
  readonly browserSessions: Pick<BrowserSessions, 'list' | 'end'>;
  readonly timeline: Timeline;
  /** Renewed after every command, so that what it changed holds here at once and not within the lease. */
  readonly lease: Pick<Lease, 'renew'>;
}

/** Whoever may open the data directory or the database is the operator. */
export const operator: Actor = { kind: 'operator' };
export const byOperator = { actor: operator } as const;
