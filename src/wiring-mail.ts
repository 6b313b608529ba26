/** Gives the mail room its templates, its transport and the ears of audit and metrics. */
import { fileURLToPath } from 'node:url';
import type { Kysely } from 'kysely';
import type { AuditEventOf } from './audit/catalogue.ts';
import { isLoopbackHost } from './config/issuer.ts';
import type { Settings } from './config/settings.ts';
import { createMail, type Mail, type MailNeeds } from './mail/mail.ts';
import { createTemplates } from './mail/templates.ts';
import { createSmtpTransport } from './mail/transport.ts';
import type { Metrics } from './observability/metrics.ts';
import type { Rooms } from './rooms.ts';
import type { Database } from './storage/tables.ts';
import { loadTexts } from './web/texts.ts';

const viewsDir = fileURLToPath(new URL('../views/', import.meta.url));

type Needs = Pick<MailNeeds, 'db' | 'sealing' | 'clock' | 'log'> & {
  readonly settings: Settings;
  readonly audit: Pick<Rooms['audit'], 'append'>;
  readonly metrics: Pick<Metrics, 'count'>;
};

export function openMail({ settings, audit, metrics, ...parts }: Needs): Mail {
  const { issuer, mail, limits } = settings;
  const { t } = loadTexts(`${viewsDir}locales/en.json`);
  return createMail({
    ...parts,
    issuer,
    templates: createTemplates({ viewsDir, issuer, t }),
    budget: limits.mailPerAccount,
    mode:
      mail.kind === 'smtp'
        ? {
            kind: 'smtp',
            transport: createSmtpTransport({
              url: mail.url.reveal(),
              from: mail.from,
              isLoopback: isLoopbackHost,
            }),
          }
        : { kind: mail.kind },
    async onSettled(trx, { accountId, mail: kind, outcome, attempts }) {
      metrics.count('cardea_mails_total', { mail: kind, outcome });
      const event = { actor: { kind: 'system' }, accountId } as const;
      await audit.append(
        trx,
        outcome === 'sent'
          ? { ...event, type: 'mail.sent', detail: { mail: kind, attempts } }
          : { ...event, type: 'mail.given-up', detail: { mail: kind, attempts, cause: outcome } },
      );
    },
  });
}

/**
 * Prepares the mail that a theft sends to the account's holder: what is to be written in the transaction that ends the
 * family. Only an address that is known to be theirs is told of their sign-ins.
 */
export async function theftMail(
  { mail, accounts, directory }: Pick<Rooms, 'mail' | 'accounts' | 'directory'>,
  family: string,
  theft: AuditEventOf<'token.replayed'>,
): Promise<((trx: Kysely<Database>) => Promise<void>) | undefined> {
  const { accountId, clientId, network, at = 0, detail } = theft;
  if (mail.kind === 'off' || accountId === undefined) return undefined;
  const account = await accounts.find(accountId);
  if (account?.status !== 'active' || !account.emailVerified) return undefined;
  const client = clientId === undefined ? undefined : await directory.findAny(clientId);
  const { millisecondsApart, firstNetwork } = detail;
  return (trx) =>
    mail.write(trx, {
      kind: 'sign-in-ended',
      key: `sign-in-ended:${family}`,
      accountId,
      to: account.email,
      data: { app: client?.name ?? clientId ?? '', at, network, firstNetwork, millisecondsApart },
    });
}
