/** Gives the mail room its templates, its transport and the ears of audit and metrics. */
import { fileURLToPath } from 'node:url';
import { findAccount } from './accounts/account-store.ts';
import type { Audit } from './audit/audit.ts';
import { type Branding, ownName } from './config/branding.ts';
import { isLoopbackHost } from './config/issuer.ts';
import type { Settings } from './config/settings.ts';
import { createMail, type Mail, type MailNeeds } from './mail/mail.ts';
import { createTemplates } from './mail/templates.ts';
import { createSmtpTransport } from './mail/transport.ts';
import type { Metrics } from './observability/metrics.ts';
import { chooseLocale } from './web/locales.ts';
import type { Languages } from './web/texts.ts';

const viewsDir = fileURLToPath(new URL('../views/', import.meta.url));

type Needs = Pick<MailNeeds, 'db' | 'sealing' | 'clock' | 'log'> & {
  readonly settings: Settings;
  readonly audit: Pick<Audit, 'append'>;
  readonly metrics: Pick<Metrics, 'count'>;
  readonly languages: Languages;
  readonly branding: Branding;
};

export function openMail({ settings, branding, audit, metrics, languages, ...parts }: Needs): Mail {
  const { issuer, mail, limits } = settings;
  return createMail({
    ...parts,
    issuer,
    localeOf: async (accountId) => (await findAccount(parts.db, accountId))?.profile.locale,
    templates: createTemplates({
      viewsDir,
      issuer,
      name: ownName(branding),
      // The nearest that there is: Austrian German is German.
      textsIn: (locale) => languages.textsIn(chooseLocale(locale, languages.locales) ?? locale),
    }),
    budgets: { notices: limits.mailPerAccount, asked: limits.askedMailPerAddress },
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
