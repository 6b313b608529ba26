import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfigFile, readEnvironment } from '../../src/config/environment.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cardea-config-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a file of settings', () => {
  it('holds NAME=value lines, comments and quotes', () => {
    const text = `# ours\r\nPORT=8080\n\nCARDEA_HOST = "0.0.0.0"\nDATABASE_URL='postgres://u:p#1=@h/db'\n`;
    expect(parseConfigFile(text)).toEqual({
      kind: 'environment',
      environment: { PORT: '8080', CARDEA_HOST: '0.0.0.0', DATABASE_URL: 'postgres://u:p#1=@h/db' },
    });
  });

  it('names every bad line by its number, and no value', () => {
    const read = parseConfigFile(
      'PORT=1\nPORT=2\nhunter2 in the wrong place\nDATABSE_URL=postgres://u:hunter2@h/db\n',
    );
    expect(read).toEqual({
      kind: 'faults',
      faults: [
        'line 2: PORT stands there twice',
        'line 3: must be NAME=value',
        'line 4: DATABSE_URL: is no setting; did you mean DATABASE_URL?',
      ],
    });
  });

  it('stands below the environment of the process', () => {
    const file = join(directory, 'cardea.env');
    writeFileSync(file, 'CARDEA_HOST=1\n');
    process.env.CARDEA_HOST = '10.0.0.1';
    try {
      const read = readEnvironment(file);
      expect(read.kind === 'environment' && read.environment.CARDEA_HOST).toBe('10.0.0.1');
    } finally {
      delete process.env.CARDEA_HOST;
    }
    const read = readEnvironment(file);
    expect(read.kind === 'environment' && read.environment.CARDEA_HOST).toBe('1');
  });

  it('that is not there is a fault and not a crash', () => {
    const read = readEnvironment(join(directory, 'missing.env'));
    expect(read.kind === 'faults' && read.faults.join()).toContain('cannot be read');
  });
});
