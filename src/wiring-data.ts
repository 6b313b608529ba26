/**
 * Which rows about an account stand in which topic of "download my data". Every table that names an account is in this
 * list: test/flows/data.test.ts compares it with what the database holds.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { exportAccount, exportConsents, exportRoles } from './accounts/account-export.ts';
import { exportMailedProofs } from './accounts/mailed-proofs-store.ts';
import { exportEvents, exportRefusals } from './audit/audit-export.ts';
import { exportFactors } from './factors/factor-export.ts';
import { exportMails } from './mail/mail-export.ts';
import { exportPasskeys } from './passkeys/passkey-store.ts';
import type { ArchiveTopic } from './portal/archive.ts';
import type { DataFront } from './portal/data.ts';
import type { Rooms } from './rooms.ts';
import {
  exportEnds,
  exportFamilies,
  exportSessions,
  exportSignOutNotices,
} from './storage/account-export.ts';
import { exportIdentities } from './upstream/identities-store.ts';
import type { RenderPage } from './web/render.ts';

type Row = Readonly<Record<string, unknown>>;

/** Why a column is not in the archive. */
type Why =
  /** Whoever finds the archive could get in with it, or guess what gets in; its holder could do nothing with it. */
  | 'opens something'
  /** Sealed, and gone when it has been used: what is in it went to the person, or is told by another column. */
  | 'sealed'
  /** A name or number by which rows find each other or the next thing to do; it says nothing of the person. */
  | 'means something here only';

interface Topic {
  /** The tables, each with the columns that stay here, and why. */
  readonly tables: Readonly<Record<string, Readonly<Record<string, Why>>>>;
  readonly rows: (
    db: Rooms['database']['db'],
    accountId: string,
  ) => AsyncIterable<Row> | Promise<readonly Row[]>;
}

/** In the order in which people read them. */
export const dataTopics: Readonly<Record<string, Topic>> = {
  // Of the password its date; its hash opens nothing for its holder and much for a thief of the archive.
  account: { tables: { accounts: {}, account_passwords: { hash: 'opens something' } }, rows: exportAccount },
  roles: { tables: { account_roles: {} }, rows: exportRoles },
  consents: { tables: { consents: {} }, rows: exportConsents },
  // Of authenticators and recovery codes names and dates, for the same reason.
  factors: {
    tables: {
      factor_accounts: {},
      authenticators: {
        sealed: 'opens something',
        place_digest: 'opens something',
        last_step: 'means something here only',
      },
      recovery_codes: { code_digest: 'opens something' },
    },
    rows: exportFactors,
  },
  passkeys: { tables: { passkeys: {} }, rows: exportPasskeys },
  identities: { tables: { upstream_identities: {} }, rows: exportIdentities },
  sessions: {
    tables: { browser_sessions: { uid_key: 'opens something', uid_sealed: 'opens something' } },
    rows: exportSessions,
  },
  apps: {
    tables: {
      families: {
        family_id: 'opens something',
        session_key: 'opens something',
        dated_at: 'means something here only',
      },
    },
    rows: exportFamilies,
  },
  'sign-outs': {
    tables: {
      client_sessions: { session_uid: 'opens something', sid: 'means something here only' },
      logout_notices: {
        sign_out: 'means something here only',
        sid: 'means something here only',
        next_try_at: 'means something here only',
      },
    },
    rows: exportSignOutNotices,
  },
  ended: {
    tables: {
      ended_access: { whole_at: 'means something here only', kept_session: 'opens something' },
    },
    rows: exportEnds,
  },
  activity: { tables: { audit_events: {} }, rows: exportEvents },
  refusals: { tables: { refusals: {} }, rows: exportRefusals },
  mails: {
    tables: {
      mail_outbox: {
        message_key: 'means something here only',
        recipient: 'means something here only',
        sealed: 'sealed',
        next_at: 'means something here only',
      },
    },
    rows: exportMails,
  },
  proofs: {
    tables: {
      mailed_proofs: {
        subject: 'means something here only',
        token_digest: 'opens something',
        code_digest: 'opens something',
        data: 'means something here only',
        bound_address: 'means something here only',
        bound_version: 'means something here only',
      },
    },
    rows: exportMailedProofs,
  },
};

const style = fileURLToPath(new URL('../views/portal/archive.css', import.meta.url));

export function dataFront(rooms: Rooms, renderPage: RenderPage): DataFront {
  const { audit, browserSessions, clock, database, familyIndex, log, mail, requestLimits, settings } = rooms;
  const { db } = database;
  return {
    topics: Object.entries(dataTopics).map(
      ([name, { rows }]): ArchiveTopic => ({
        name,
        async *rows(accountId) {
          yield* await rows(db, accountId);
        },
      }),
    ),
    async begin({ id, email, profile }, by) {
      const taken = await requestLimits.take('downloadsPerAccount', id);
      if (taken.kind === 'wait') return taken;
      const at = clock.now();
      await db.transaction().execute(async (trx) => {
        await audit.append(trx, { type: 'account.data-downloaded', detail: {}, accountId: id, ...by });
        await mail.write(trx, {
          key: `data-downloaded ${id} ${at}`,
          accountId: id,
          kind: 'data-downloaded',
          to: email,
          locale: profile.locale,
          data: { at, network: by.network },
        });
      });
      // What this process knows and has not written yet belongs to it.
      await Promise.all([audit.flush(), familyIndex.flush(), browserSessions.flush()]);
      return { kind: 'go' };
    },
    renderPage,
    style: readFileSync(style, 'utf8'),
    host: new URL(settings.issuer).host,
    clock,
    onBroken: (error) => log.warn('an archive of a person’s data broke off', { fault: String(error) }),
  };
}
