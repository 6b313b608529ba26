import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { createLog } from '../../src/observability/log.ts';

function capture(level = 'debug') {
  const stream = new PassThrough();
  const log = createLog({ level, pretty: false, stream });
  const text = () => String(stream.read() ?? '');
  return {
    log,
    text,
    lines: () =>
      text()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
  };
}

// Only standard output on a real file descriptor behaves so: a process of its own.
it.runIf(existsSync('/dev/full'))(
  'F15 a full log volume neither stops a process nor keeps it from ending',
  async () => {
    const script = `import { createLog } from ${JSON.stringify(join(process.cwd(), 'src/observability/log.ts'))};
    const log = createLog({ level: 'info', pretty: false });
    for (let line = 0; line < 1000; line += 1) log.info('request', { line });
    await log.flush();
    console.error('went on');`;
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', full, 'pipe'],
    });
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text) => (errors += text));
    const [code] = await once(child, 'close');
    closeSync(full);
    expect(errors).toBe('went on\n');
    expect(code).toBe(0);
  },
);

it('to a pipe every line arrives whole and in order, the last ones with the flush', async () => {
  const script = `import { createLog } from ${JSON.stringify(join(process.cwd(), 'src/observability/log.ts'))};
    const log = createLog({ level: 'info', pretty: false });
    for (let line = 0; line < 3000; line += 1) {
      log.info('Größe 大きさ', { line });
      if (line % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 150));
    }
    await log.flush();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let written = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (written += text));
  await once(child, 'close');
  const lines = written
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ line }) => line)).toEqual(Array.from({ length: 3000 }, (_, n) => n));
  expect(new Set(lines.map(({ msg }) => msg))).toEqual(new Set(['Größe 大きさ']));
});

describe('the log', () => {
  it('is one JSON document a line, with level, time and message', () => {
    const { log, lines } = capture();
    log.child({ requestId: 'r1' }).info('request', { status: 200 });
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        pid: process.pid,
        requestId: 'r1',
        status: 200,
        msg: 'request',
      },
    ]);
  });

  it('leaves out what is below its level', () => {
    const { log, text } = capture('warn');
    log.info('quiet');
    log.debug('quieter');
    expect(text()).toBe('');
  });

  it.each([
    'password',
    'newPassword',
    'client_secret',
    'clientSecret',
    'access_token',
    'refreshToken',
    'id_token_hint',
    'code',
    'code_verifier',
    'Authorization',
    'cookie',
    'set-cookie',
    'client_assertion',
    'masterKey',
    'DATABASE_URL',
    'state',
    'jwks',
    'DPoP',
  ])('P3 hides the value of %s, at any depth', (name) => {
    const { log, text } = capture();
    log.info('x', { [name]: 'canary', list: [{ [name]: ['canary'] }], deep: { [name]: { any: 'canary' } } });
    expect(text()).not.toContain('canary');
  });

  it.each([
    ['a password in a URL', 'connect postgres://cardea:canary@db:5432/x failed'],
    ['a JWT', 'bad token eyJhbGciOiJFUzI1NiJ9.canary1234567890.canary'],
    ['a header value', 'Authorization: Bearer canary-0123456789'],
  ])('P3 hides %s inside a text', (_, text) => {
    const { log, text: written } = capture();
    log.warn(text, { detail: text, err: new Error(text, { cause: new Error(text) }) });
    expect(written()).not.toContain('canary');
  });

  it('P3 hides a Secret wherever it stands', () => {
    const { log, text } = capture();
    log.info('x', { url: new Secret('canary'), nested: { also: [new Secret('canary')] } });
    expect(text()).not.toContain('canary');
  });

  it.each([
    ['line ends', 'a\r\n{"level":"error","msg":"forged"}'],
    ['a terminal escape', 'a\u001b[2Jb'],
    ['an 8-bit terminal escape', 'a\u009b2Jb'],
    ['a turned direction', 'a\u202egnp.exe'],
    ['a Unicode line end', 'a\u2028b'],
  ])('P4 writes %s as visible text in one line', (_, text) => {
    const { log, text: written } = capture();
    log.info(text, { agent: text, [text]: 1 });
    const line = written();
    expect(line.trimEnd().split(/\r|\n|\u2028/)).toHaveLength(1);
    const parsed = JSON.parse(line);
    expect(parsed.level).toBe('info');
    expect(`${parsed.msg}${parsed.agent}`).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
  });

  it('P4 cuts what is too long, too deep or too much', () => {
    const { log, text } = capture();
    let deep: unknown = 'bottom';
    for (let depth = 0; depth < 5000; depth += 1) deep = { deep };
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`n${at}`, at]));
    log.info('x'.repeat(1_000_000), {
      agent: 'y'.repeat(1_000_000),
      deep,
      many,
      list: Array(10_000).fill('z'),
    });
    expect(text().length).toBeLessThan(5000);
  });

  it('keeps what an error says, and its code, but none of its other members', () => {
    const { log, lines } = capture();
    log.error('failed', {
      err: Object.assign(new TypeError('no route'), { code: 'EHOSTUNREACH', detail: 'Key (email)=(a@b)' }),
    });
    const [line] = lines();
    expect(line.err).toMatchObject({ type: 'TypeError', message: 'no route', code: 'EHOSTUNREACH' });
    expect(JSON.stringify(line)).not.toContain('a@b');
  });
});
