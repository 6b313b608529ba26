/** What is wrong with the mail templates: variables that are missing or unused, blocks without words, words without a block. */
import { samples } from './samples.ts';
import { type Block, type TemplateFile, textKey } from './template-files.ts';

/** One language: its texts by key, or the forms of one by plural category. */
export interface LanguageTexts {
  readonly lang: string;
  readonly texts: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** @returns one sentence a fault, which begins with the template's or the language's name */
export function lintTemplates(
  files: ReadonlyMap<string, TemplateFile>,
  languages: readonly LanguageTexts[],
): readonly string[] {
  const known: Readonly<Record<string, object>> = samples;
  const without = Object.keys(known).filter((kind) => !files.has(kind));
  return [
    ...without.map((kind) => `${kind}: has no template`),
    ...[...files].flatMap(([kind, file]) => {
      const sample = known[kind];
      return sample
        ? lintTemplate(kind, file, Object.keys(sample), languages)
        : [`${kind}: no mail of that kind is ever written`];
    }),
    ...languages.flatMap((language) => unusedTexts(files, language)),
  ];
}

function lintTemplate(
  kind: string,
  { variables, blocks }: TemplateFile,
  given: readonly string[],
  languages: readonly LanguageTexts[],
): readonly string[] {
  const declared = Object.keys(variables);
  const faults = [
    ...declared.filter((name) => !given.includes(name)).map((name) => `nothing gives it {${name}}`),
    ...given
      .filter((name) => !declared.includes(name))
      .map((name) => `is given {${name}}, which it does not declare`),
    ...blocks
      .flatMap((block) => namesIn(block).filter((name) => !declared.includes(name)))
      .map((name) => `asks for {${name}}, which it does not declare`),
  ];
  for (const { lang, texts } of languages) {
    const said = wordsOf(blocks).map((own) => [textKey(kind, own), texts[textKey(kind, own)]] as const);
    for (const [key, text] of said) if (text === undefined) faults.push(`${lang} has no text ${key}`);
    const used = new Set([...said.flatMap(([, text]) => placeholdersOf(text)), ...blocks.flatMap(namesIn)]);
    for (const name of used) {
      if (name !== 'host' && !declared.includes(name))
        faults.push(`${lang} writes {${name}}, which it does not declare`);
    }
    for (const name of declared) if (!used.has(name)) faults.push(`${lang} leaves out {${name}}`);
  }
  return [...new Set(faults)].map((fault) => `${kind}: ${fault}`);
}

/** Words that no block says any more. */
function unusedTexts(
  files: ReadonlyMap<string, TemplateFile>,
  { lang, texts }: LanguageTexts,
): readonly string[] {
  const said = new Set(
    [...files].flatMap(([kind, file]) => wordsOf(file.blocks).map((own) => textKey(kind, own))),
  );
  return Object.keys(texts)
    .filter((key) => key.startsWith('mail.') && !key.startsWith('mail.foot') && !key.startsWith('mail.word.'))
    .filter((key) => !said.has(key))
    .map((key) => `${lang}: no mail says ${key}`);
}

const wordsOf = (blocks: readonly Block[]): readonly string[] => [
  'subject',
  ...blocks.flatMap((block) => ('text' in block ? [block.text] : [])),
];

function namesIn(block: Block): readonly string[] {
  const own =
    'code' in block ? [block.code] : 'link' in block && !block.link.startsWith('/') ? [block.link] : [];
  return [...own, ...(block.needs ?? []), ...(block.without ?? [])];
}

/** Of all forms together: one for a single thing may leave the number out. */
const placeholdersOf = (text: string | Readonly<Record<string, string>> = ''): readonly string[] =>
  [...(typeof text === 'string' ? text : Object.values(text).join(' ')).matchAll(/\{(\w+)\}/g)].map(
    ([, name]) => name ?? '',
  );
