/** Gives the upstream room what it needs of accounts, mail and sign-up, as functions. */
import type { Kysely } from 'kysely';
import type { Account } from './accounts/account.ts';
import { createAccountMaker } from './accounts/account-maker.ts';
import {
  findAccountByEmail,
  findSettledAccount,
  hasPassword,
  lockAccount,
} from './accounts/account-store.ts';
import { canonicalEmail } from './accounts/emails.ts';
import type { Invitations } from './accounts/invitations.ts';
import type { MailedProofs } from './accounts/mailed-proofs.ts';
import type { Passwords } from './accounts/passwords.ts';
import { judgeProfile } from './accounts/profile.ts';
import { createSignUpPolicy } from './accounts/sign-up-policy.ts';
import type { Audit } from './audit/audit.ts';
import type { Clock } from './config/clock.ts';
import type { Settings } from './config/settings.ts';
import type { Mail } from './mail/mail.ts';
import type { Metrics } from './observability/metrics.ts';
import { listPasskeys } from './passkeys/passkey-store.ts';
import type { Sealing } from './storage/sealing.ts';
import type { Database } from './storage/tables.ts';
import type { CodeThrottle } from './throttle/code-throttle.ts';
import type { MailBudget } from './throttle/mail-budget.ts';
import { createAttempts } from './upstream/attempts.ts';
import type { ProviderDirectory } from './upstream/provider-directory.ts';
import { createUpstream, type Upstream } from './upstream/upstream.ts';
import { createUpstreamClient } from './upstream/upstream-client.ts';
import type { KnownAccount, Made, UpstreamNeeds } from './upstream/upstream-needs.ts';

interface Needs {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly passwords: Passwords;
  readonly sealing: Sealing;
  readonly settings: Pick<Settings, 'issuer' | 'signUp' | 'passkeys'>;
  readonly fetch: typeof globalThis.fetch;
  readonly directory: ProviderDirectory;
  readonly invitations: Pick<Invitations, 'isInvited' | 'take'>;
  readonly proofs: Pick<MailedProofs, 'issue' | 'redeemCode'>;
  readonly budget: MailBudget;
  readonly codeThrottle: CodeThrottle;
  readonly mail: Pick<Mail, 'kind' | 'write'>;
  readonly metrics: Pick<Metrics, 'count'>;
}

/** As long as what it is typed for is kept (upstream/attempts.ts). */
const CODE_SECONDS = 900;

export function createUpstreamRoom(o: Needs): Upstream {
  const { db, clock, audit, sealing, settings, fetch, directory, metrics } = o;
  return createUpstream({
    db,
    clock,
    audit,
    issuer: settings.issuer,
    directory,
    client: createUpstreamClient({ fetch, clock }),
    attempts: createAttempts({ db, clock, sealing }),
    needs: needsOf(o),
    onOutcome: (outcome) => metrics.count('cardea_upstream_total', { outcome }),
  });
}

function needsOf(o: Needs): UpstreamNeeds {
  const { db, clock, audit, settings, invitations, proofs, budget, codeThrottle, mail } = o;
  const policy = createSignUpPolicy(settings.signUp, invitations.isInvited);
  const maker = createAccountMaker(o);
  return {
    addressOf(text) {
      const address = canonicalEmail(text);
      return address.kind === 'email' ? address : undefined;
    },
    findByAddress: async (at, canonical) => known(await findAccountByEmail(at, canonical)),
    findSettled: async (accountId) => known(await findSettledAccount(db, accountId)),
    signUpAllowed: policy.allows,
    async makeAccount(trx, { email, name, profile }, by): Promise<Made> {
      const address = canonicalEmail(email);
      if (address.kind === 'refused') return { kind: 'refused' };
      const { roles, invitationId } = await invitations.take(trx, address.canonical);
      // An invitation that was taken back since.
      if (invitationId === undefined && !policy.allowsUninvited(address.canonical))
        return { kind: 'refused' };
      const { name: _, ...rest } = acceptable(profile);
      const typed = name.trim();
      const prepared = await maker.prepare({
        email,
        emailVerified: true,
        profile: rest,
        roles,
        ...(typed === '' ? {} : { name: typed }),
      });
      if (prepared.kind !== 'prepared') return { kind: 'refused' };
      const made = await maker.insert(trx, prepared.account, by);
      if (made.kind !== 'created') return { kind: made.kind === 'taken' ? 'taken' : 'refused' };
      const accountId = made.account.id;
      if (invitationId !== undefined) {
        await audit.append(trx, { type: 'invitation.accepted', detail: { invitationId }, accountId, ...by });
      }
      return { kind: 'created', accountId };
    },
    mayMail: (address, network) => budget.take({ address, network }),
    admitCode: codeThrottle.check,
    ...(mail.kind === 'off'
      ? {}
      : {
          mailCode: ({ subject, account, email, provider, from, locale }) =>
            db.transaction().execute(async (trx) => {
              const { code } = await proofs.issue(trx, {
                purpose: account ? 'link-identity' : 'sign-up',
                subject,
                accountId: account?.id,
                email: account?.email ?? email,
                lifetimeSeconds: CODE_SECONDS,
              });
              // Whoever may not sign in gets no mail; the code would prove nothing.
              if (account && !account.active) return;
              await mail.write(trx, {
                kind: 'link-identity',
                key: `link-identity ${subject} ${clock.now()}`,
                accountId: account?.id,
                to: account?.email ?? email,
                locale,
                data: { code, minutes: CODE_SECONDS / 60, provider, network: from.network },
              });
            }),
        }),
    async redeemCode(trx, subject, code) {
      const ofAccount = await proofs.redeemCode(trx, 'link-identity', subject, code);
      return ofAccount ?? proofs.redeemCode(trx, 'sign-up', subject, code);
    },
    lockAccount,
    hasOwnWayIn: async (trx, accountId) =>
      (await hasPassword(trx, accountId)) ||
      (await listPasskeys(trx, accountId)).some(({ rpId }) => rpId === settings.passkeys?.rpId),
    async tell(trx, kind, { accountId, provider, key, from }) {
      const account = await findSettledAccount(trx, accountId);
      if (!account) return;
      const data = { at: clock.now(), network: from.network, provider };
      await mail.write(trx, { kind, key, accountId, to: account.email, data });
    },
  };
}

function known(account: Account | undefined): KnownAccount | undefined {
  return (
    account && {
      id: account.id,
      email: account.email,
      emailVerified: account.emailVerified,
      active: account.status === 'active',
    }
  );
}

/** What the rules of a profile take, claim by claim: one that they refuse costs nobody their account. */
function acceptable(profile: Readonly<Record<string, string>>) {
  const taken = Object.entries(profile).filter(
    ([claim, value]) => judgeProfile({ [claim]: value }).kind === 'profile',
  );
  const judged = judgeProfile(Object.fromEntries(taken));
  return judged.kind === 'profile' ? judged.profile : {};
}
