/** Templates to mails: subject, text and HTML from the same blocks, in the person's language. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Eta } from 'eta';
import type { MailData, MailKind, RenderedMail } from './message.ts';
import { plainName } from './plain.ts';
import {
  type Block,
  readTemplateFiles,
  type TemplateFile,
  textKey,
  type VariableKind,
} from './template-files.ts';

export interface Templates {
  render<K extends MailKind>(kind: K, data: MailData[K], locale?: string): RenderedMail;
  /** Whether strangers can cause it. */
  isAsked(kind: MailKind): boolean;
  readonly files: ReadonlyMap<string, TemplateFile>;
}

/** One language's texts (web/texts.ts). */
export interface MailTexts {
  readonly lang: string;
  readonly dir: 'ltr' | 'rtl';
  t(key: string, values?: Readonly<Record<string, string | number>>): string;
  /** `at` in ms. */
  time(at: number): string;
}

/** What the two layouts are given: everything in it is plain text already. */
type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly url: string };

/** @throws when a template or layout cannot be read */
export function createTemplates({
  viewsDir,
  issuer,
  name,
  textsIn,
}: {
  viewsDir: string;
  issuer: string;
  /** What people know this installation by; absent: its host. */
  name?: string | undefined;
  /** The default language's for one that there is not. */
  textsIn: (locale: string | undefined) => MailTexts;
}): Templates {
  const dir = join(viewsDir, 'mail');
  const files = readTemplateFiles(dir);
  const html = new Eta({ autoEscape: true, autoTrim: [false, 'nl'], useWith: false });
  const text = new Eta({ autoEscape: false, autoTrim: [false, 'nl'], useWith: false });
  html.loadTemplate('@layout', readFileSync(join(dir, 'layout.html.eta'), 'utf8'));
  text.loadTemplate('@layout', readFileSync(join(dir, 'layout.txt.eta'), 'utf8'));
  const { host } = new URL(issuer);

  function fileOf(kind: string): TemplateFile {
    const file = files.get(kind);
    if (!file) throw new RangeError(`There is no mail template "${kind}".`);
    return file;
  }

  function valuesOf(kind: string, data: Readonly<Record<string, unknown>>, { t, time }: MailTexts) {
    const values: Record<string, string | number> = { host: name ?? host };
    for (const [name, shape] of Object.entries(fileOf(kind).variables)) {
      const value = data[name];
      if (value === undefined) continue;
      if (shape === 'time') values[name] = time(Number(value));
      else if (shape === 'number') values[name] = Number(value);
      else if (shape === 'word') values[name] = t(`mail.word.${String(value)}`);
      else if (shape === 'link') values[name] = addressOf(issuer, String(value));
      else values[name] = isOurs(shape, String(value)) ? String(value) : plainName(String(value));
    }
    return values;
  }

  return {
    files,
    isAsked: (kind) => fileOf(kind).asked,
    render(kind, data, locale) {
      const texts = textsIn(locale);
      const { lang } = texts;
      const values = valuesOf(kind, data as Readonly<Record<string, unknown>>, texts);
      const say = (own: string) => texts.t(textKey(kind, own), values);
      const parts = fileOf(kind)
        .blocks.filter((block) => isWanted(block, values))
        .map((block): Part => {
          if ('link' in block) {
            const url = block.link.startsWith('/') ? addressOf(issuer, block.link) : values[block.link];
            return { kind: 'link', text: say(block.text), url: String(url) };
          }
          if ('code' in block) return { kind: 'code', text: String(values[block.code]) };
          return { kind: 'text', text: say(block.text) };
        });
      const seen = {
        subject: say('subject'),
        parts,
        // Where it comes from stands in every mail, whatever this place calls itself.
        foot: name === undefined ? texts.t('mail.foot', { host }) : texts.t('mail.footNamed', { name, host }),
        lang,
        dir: texts.dir,
      };
      return {
        subject: seen.subject,
        text: text.render('@layout', seen),
        html: html.render('@layout', seen),
      };
    },
  };
}

function isWanted({ needs = [], without = [] }: Block, values: Readonly<Record<string, unknown>>): boolean {
  return (
    needs.every((name) => values[name] !== undefined) && without.every((name) => values[name] === undefined)
  );
}

/** Codes are made here; networks are addresses and nothing else. */
function isOurs(shape: VariableKind, value: string): boolean {
  return shape === 'code' || (shape === 'network' && /^[\da-f.:/]{1,50}$/i.test(value));
}

/** Links lead to the issuer and nowhere else, whatever a caller passes (OWASP ASVS 5 section 6.4.1). */
function addressOf(issuer: string, path: string): string {
  if (!/^\/[\w/-]*$/.test(path)) throw new RangeError('A link in a mail must be a path of ours.');
  return issuer.replace(/\/+$/, '') + path;
}
