/**
 * A mail's template: `views/mail/<kind>.json`. It names its variables and its blocks in their order; the words stand in
 * the languages' files, and both parts of the mail are made from the same blocks, so that neither can say less.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';

/**
 * How a variable is written. `name`: foreign text, made plain. `link`: a path of ours, made whole with the issuer.
 * `network`: an address that we saw ourselves. `word`: one of the texts `mail.word.…`. `time`: ms since the epoch.
 */
const variableKinds = ['name', 'time', 'number', 'code', 'link', 'word', 'network'] as const;
export type VariableKind = (typeof variableKinds)[number];

const name = z.string().regex(/^[a-z][A-Za-z]*$/);
const text = z.string().regex(/^(?:shared\.)?[a-z][A-Za-z]*$/);
const condition = { needs: z.array(name).optional(), without: z.array(name).optional() };
const block = z.union([
  z.strictObject({ text, ...condition }),
  z.strictObject({ code: name, ...condition }),
  /** A variable of kind link, or a path of ours. */
  z.strictObject({ link: z.union([name, z.string().regex(/^\/[\w/-]*$/)]), text, ...condition }),
]);

const file = z.strictObject({
  /** Grows with every change of variables or blocks. */
  version: z.number().int().min(1),
  /** Anybody can cause it: it is held to a budget of its own, so that it keeps no notice away. */
  asked: z.boolean().default(false),
  variables: z.record(name, z.enum(variableKinds)),
  blocks: z.array(block).min(1),
});

export type Block = z.infer<typeof block>;
export type TemplateFile = z.infer<typeof file>;

/** @throws when one cannot be read or says what a template does not say, by its name */
export function readTemplateFiles(dir: string): ReadonlyMap<string, TemplateFile> {
  return new Map(
    readdirSync(dir)
      .filter((one) => one.endsWith('.json'))
      .sort()
      .map((one) => {
        const read = file.safeParse(JSON.parse(readFileSync(join(dir, one), 'utf8')));
        if (!read.success) throw new TypeError(`The mail template ${one}: ${z.prettifyError(read.error)}`);
        return [basename(one, '.json'), read.data] as const;
      }),
  );
}

/** `mail.signInEnded.what` for `sign-in-ended` and `what`; `mail.shared.what` for `shared.what`. */
export function textKey(kind: string, own: string): string {
  if (own.startsWith('shared.')) return `mail.${own}`;
  return `mail.${kind.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}.${own}`;
}
