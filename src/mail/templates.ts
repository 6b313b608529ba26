/** Templates to mails: `views/mail/<kind>.txt.eta` and `.html.eta`, compiled once. HTML is escaped by default. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Eta } from 'eta';
import type { MailData, MailKind, RenderedMail } from './message.ts';
import { plainName, plainTime } from './plain.ts';

export interface Templates {
  render<K extends MailKind>(kind: K, data: MailData[K]): RenderedMail;
}

type Text = (key: string, values?: Readonly<Record<string, string | number>>) => string;

/** What the templates see: our own words, made from data that is plain already. The only link is the issuer's. */
interface View {
  readonly heading: string;
  readonly paragraphs: readonly string[];
  readonly link: { readonly url: string; readonly text: string };
  readonly foot: string;
}

const kinds: readonly MailKind[] = ['sign-in-ended'];

/** @throws when a template cannot be read */
export function createTemplates({
  viewsDir,
  issuer,
  t,
}: {
  viewsDir: string;
  issuer: string;
  t: Text;
}): Templates {
  const html = new Eta({ autoEscape: true, autoTrim: [false, 'nl'], cache: true, useWith: false });
  const text = new Eta({ autoEscape: false, autoTrim: [false, 'nl'], cache: true, useWith: false });
  for (const kind of kinds) {
    html.loadTemplate(`@${kind}`, readFileSync(join(viewsDir, 'mail', `${kind}.html.eta`), 'utf8'));
    text.loadTemplate(`@${kind}`, readFileSync(join(viewsDir, 'mail', `${kind}.txt.eta`), 'utf8'));
  }
  const { host } = new URL(issuer);

  const views: { [K in MailKind]: (data: MailData[K]) => { subject: string; view: View } } = {
    'sign-in-ended': ({ app: name, at, network, firstNetwork, millisecondsApart }) => {
      const app = plainName(name);
      const seconds = Math.max(1, Math.round((millisecondsApart ?? 0) / 1000));
      const places =
        network !== undefined && firstNetwork !== undefined
          ? t(network === firstNetwork ? 'mail.signInEnded.samePlace' : 'mail.signInEnded.places', {
              first: firstNetwork,
              second: network,
            })
          : undefined;
      return {
        subject: t('mail.signInEnded.subject', { app }),
        view: {
          heading: t('mail.signInEnded.heading', { app }),
          paragraphs: [
            t('mail.signInEnded.what', { app, host, time: plainTime(at) }),
            ...(millisecondsApart === undefined ? [] : [t('mail.signInEnded.apart', { seconds })]),
            ...(places === undefined ? [] : [places]),
            t('mail.signInEnded.why'),
            t('mail.signInEnded.next', { app }),
          ],
          link: { url: `${issuer}/`, text: t('mail.signInEnded.link', { host }) },
          foot: t('mail.foot', { host }),
        },
      };
    },
  };

  return {
    render(kind, data) {
      const { subject, view } = views[kind](data);
      const seen = { ...view, subject };
      return { subject, text: text.render(`@${kind}`, seen), html: html.render(`@${kind}`, seen) };
    },
  };
}
