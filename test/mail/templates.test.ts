/** A15: what somebody else wrote can begin no header, no element and no link. */
import { simpleParser } from 'mailparser';
import { createTransport } from 'nodemailer';
import { describe, expect, test } from 'vitest';
import type { MailKind } from '../../src/mail/message.ts';
import { plainName } from '../../src/mail/plain.ts';
import { samples } from '../../src/mail/samples.ts';
import { lintTemplates } from '../../src/mail/template-lint.ts';
import { createTemplates } from '../../src/mail/templates.ts';
import { loadLanguages, readLanguageFile } from '../../src/web/texts.ts';

const templates = createTemplates({
  viewsDir: 'views',
  issuer: 'https://id.example.com',
  ...loadLanguages('views/locales'),
});
const render = (app: string) =>
  templates.render('sign-in-ended', {
    app,
    at: Date.UTC(2026, 10, 25, 16, 4),
    network: '198.51.100.9',
    firstNetwork: '203.0.113.7',
    seconds: 41,
  });

test('every kind has its template, every variable its place, every block its words', () => {
  const en = readLanguageFile('views/locales/en.json');
  expect(lintTemplates(templates.files, [en])).toEqual([]);
  const { 'mail.signUp.what': _, ...lost } = en.texts;
  expect(lintTemplates(templates.files, [{ lang: 'en', texts: lost }])).toEqual([
    'sign-up: en has no text mail.signUp.what',
  ]);
  const astray = { ...en.texts, 'mail.signUp.button': 'For {name}', 'mail.signUp.old': 'Once said' };
  expect(lintTemplates(templates.files, [{ lang: 'en', texts: astray }])).toEqual([
    'sign-up: en writes {name}, which it does not declare',
    'en: no mail says mail.signUp.old',
  ]);
  const silent = { ...en.texts, 'mail.shared.life': 'Once.' };
  expect(lintTemplates(templates.files, [{ lang: 'en', texts: silent }])).toContain(
    'reset-password: en leaves out {minutes}',
  );
});

test.each(Object.keys(samples) as MailKind[])(
  '%s: what can be done stands in both parts, and every link is ours',
  (kind) => {
    const { subject, text, html } = templates.render(kind, samples[kind]);
    const { blocks } = templates.files.get(kind) ?? { blocks: [] };
    expect(subject).not.toContain('{');
    for (const part of [text, html]) {
      expect(part).not.toMatch(/\{\w+\}|undefined/);
      if (blocks.some((block) => 'code' in block)) expect(part).toContain('1234 5678');
    }
    // Mail servers write subjects into their logs.
    expect(subject).not.toContain('1234');
    const links = [...html.matchAll(/href="([^"]*)"/g)].map(([, url]) => url ?? '');
    expect(links).toHaveLength(blocks.filter((block) => 'link' in block).length);
    for (const url of links) {
      expect(url).toMatch(/^https:\/\/id\.example\.com\/(?:link|account)/);
      expect(text).toContain(url);
    }
  },
);

test('A1 a link leads nowhere but to the issuer', () => {
  for (const link of ['https://evil.example/x', '//evil.example', '/a@b', '/\\evil', '/a b', 'x']) {
    expect(() => templates.render('reset-password', { ...samples['reset-password'], link })).toThrow(
      'a path of ours',
    );
  }
});

describe('the mail of an ended sign-in', () => {
  test('says what happened, when, how far apart and from where, in both parts', () => {
    const { subject, text, html } = render('Orders');
    expect(subject).toBe('A sign-in of yours at Orders was ended');
    for (const part of [text, html]) {
      for (const said of ['Orders', '25 November 2026', '16:04 UTC', '41 s', '203.0.113.7', '198.51.100.9']) {
        expect(part).toContain(said);
      }
    }
  });

  const hostile = [
    'x\r\nBcc: v@e.example',
    'x\nSubject: other',
    'x\u2028Bcc: v@e.example',
    'x\u0085Bcc: v@e.example',
    '<a href=https://evil.example>click</a>',
    '"><img src=x onerror=alert(1)>',
    'https://evil.example/login',
    'evil.example',
    'v@evil.example',
    '\u{1F4A9}.evil.example',
    'e\u0301.evil.example',
    'cafe\u0301.example/login',
    '\u{1F4A9}.example',
    '\u202egnp.exe',
    '<%= process.exit() %>',
    '{seconds}{host}',
    'a'.repeat(5000),
  ];

  test.each(hostile)('A15 %j', async (app) => {
    const { subject, text, html } = render(app);
    expect(subject).not.toMatch(/[\r\n\u0085\u2028\u2029\p{Cc}]/u);
    expect([...subject].length).toBeLessThan(400);
    // The only element with an address is ours, and nothing in it came from outside.
    expect([...html.matchAll(/<[a-z][^>]*\s(?:href|src)="?([^"\s>]*)/g)].map(([, url]) => url)).toEqual([
      'https://id.example.com/account',
    ]);
    expect([...html.matchAll(/<\w+/g)].join()).toBe([...render('Orders').html.matchAll(/<\w+/g)].join());
    // What mail programs would make a link of by themselves.
    const links = /(?:https?:\/\/|www\.)[^\s<]+|[\w-]+@[\w-]+\.\w+|\bevil\.example|[\p{M}\p{S}]\.example/gu;
    for (const part of [text, html]) {
      for (const [link] of part.matchAll(links)) expect(link).toMatch(/^https:\/\/id\.example\.com\//);
    }
    // On the wire.
    const built = await createTransport({ streamTransport: true, buffer: true }).sendMail({
      from: 'id@example.com',
      to: { name: '', address: 'ada@example.com' },
      subject,
      text,
      html,
    });
    const mail = await simpleParser(built.message as Buffer);
    expect(mail.subject).toBe(subject);
    expect(mail.bcc).toBeUndefined();
    expect(mail.headerLines.filter(({ key }) => key === 'subject')).toHaveLength(1);
  });

  test('a name stays readable', () => {
    expect(plainName('Müller & Söhne – 注文')).toBe('Müller & Söhne – 注文');
    expect(plainName('v1.2').replaceAll('\u2060', '')).toBe('v1.2');
  });
});

test('an installation with a name of its own says it, and where the mail comes from all the same', () => {
  const { textsIn } = loadLanguages('views/locales');
  const named = createTemplates({
    viewsDir: 'views',
    issuer: 'https://id.example.com',
    name: 'Acme',
    textsIn,
  });
  const { subject, text, html } = named.render('reset-password', samples['reset-password']);
  expect(subject).toBe('Your code for a new password at Acme');
  for (const part of [text, html]) expect(part).toContain('Sent by Acme, id.example.com.');
});
