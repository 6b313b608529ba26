import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMasterKey } from '../../src/config/master-key.ts';

describe('the master key of the embedded set-up', () => {
  let dataDir = '';
  let file = '';
  beforeEach(() => {
    dataDir = join(mkdtempSync(join(tmpdir(), 'cardea-key-')), 'data');
    file = join(dataDir, 'master.key');
  });
  afterEach(() => rmSync(join(dataDir, '..'), { recursive: true, force: true }));

  it('is made once, for its owner only, and found again', () => {
    const first = openMasterKey(dataDir);
    const second = openMasterKey(dataDir);
    expect(first).toMatchObject({ kind: 'keys', made: true });
    expect(second).toMatchObject({ kind: 'keys', made: false });
    const reveal = (opened: typeof first) =>
      opened.kind === 'keys' ? opened.keys.map((key) => key.reveal()) : [];
    expect(reveal(second)).toEqual(reveal(first));
    expect(Buffer.from(reveal(first)[0] ?? '', 'base64')).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(readdirSync(dataDir)).toEqual(['master.key']);
  });

  it('closes a directory that others could enter', () => {
    mkdirSync(dataDir, { recursive: true });
    chmodSync(dataDir, 0o755);
    openMasterKey(dataDir);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  });

  it('is refused when others can read it', () => {
    openMasterKey(dataDir);
    chmodSync(file, 0o644);
    expect(openMasterKey(dataDir)).toMatchObject({
      kind: 'fault',
      fault: expect.stringContaining('chmod 600'),
    });
  });

  it('is refused when it is too short, without repeating it', () => {
    openMasterKey(dataDir);
    writeFileSync(file, 'aHVudGVyMg==\n');
    const opened = openMasterKey(dataDir);
    expect(opened).toMatchObject({ kind: 'fault', fault: expect.stringContaining('32 bytes') });
    expect(JSON.stringify(opened)).not.toContain('aHVudGVyMg');
  });

  it('is not made anew beside a database that was sealed with another', () => {
    openMasterKey(dataDir);
    mkdirSync(join(dataDir, 'db'));
    writeFileSync(join(dataDir, 'db', 'PG_VERSION'), '18');
    unlinkSync(file);
    expect(openMasterKey(dataDir)).toMatchObject({ kind: 'fault', fault: expect.stringContaining('backup') });
  });

  it('may hold several, newest first', () => {
    openMasterKey(dataDir);
    const old = readFileSync(file, 'utf8').trim();
    rmSync(file);
    openMasterKey(dataDir);
    const fresh = readFileSync(file, 'utf8').trim();
    writeFileSync(file, `${fresh},${old}\n`, { mode: 0o600 });
    const opened = openMasterKey(dataDir);
    expect(opened.kind === 'keys' && opened.keys.map((key) => key.reveal())).toEqual([fresh, old]);
  });
});
