import { describe, expect, test } from 'vitest';
import { optionsOf, parseCommandLine } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import { helpFor } from '../../src/cli/help.ts';
import { outputFor } from '../../src/cli/main.ts';

const parse = (line: string) => parseCommandLine(line.split(' ').filter(Boolean), commands);
const usage = (line: string) => {
  const parsed = parse(line);
  return parsed.kind === 'usage' ? parsed.message : `no fault, but ${parsed.kind}`;
};

describe('the command table', () => {
  test('gives an option of one name one kind everywhere, so that it can stand before the command', () => {
    const kinds = new Map<string, string>();
    for (const command of commands) {
      for (const { name, kind } of optionsOf(command)) {
        const arity = kind === 'flag' ? 'flag' : 'value';
        expect(`${name}: ${kinds.get(name) ?? arity}`).toBe(`${name}: ${arity}`);
        kinds.set(name, arity);
      }
    }
  });

  test('has the commands of the product page', () => {
    const words = commands.map((command) => command.words.join(' '));
    const verbs = {
      user: 'create list show set-password disable enable unlock grant-role revoke-role delete',
      client: 'create list show update rotate-secret delete',
      resource: 'create list show delete',
      role: 'create list show delete',
      keys: 'list rotate',
    };
    for (const [group, names] of Object.entries(verbs)) {
      for (const name of names.split(' ')) expect(words).toContain(`${group} ${name}`);
    }
    expect(words).toEqual(expect.arrayContaining(['serve', 'migrate', 'config check', 'explain']));
  });

  test.each(commands.map((command) => [command.words.join(' '), command] as const))(
    'explains %s, and its examples parse',
    (_, command) => {
      expect(helpFor(command.words, commands)).toContain(`Usage: npx cardea ${command.words.join(' ')}`);
      for (const example of command.examples) {
        const words = [...example.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
          (m) => m[1] ?? m[2] ?? m[3] ?? '',
        );
        const redirected = words.indexOf('<');
        const argv = redirected === -1 ? words : words.slice(0, redirected);
        expect(parseCommandLine(argv, commands)).toMatchObject({ kind: 'command', command });
      }
    },
  );
});

describe('wrong usage', () => {
  test.each([
    ['', 'which command?'],
    ['usr list', 'there is no command usr; did you mean user?'],
    ['user', 'which user command?'],
    ['user craete', 'there is no command user craete; did you mean user create?'],
    ['user create', 'needs --email EMAIL'],
    ['user create --emial a@example.com', 'there is no option --emial; did you mean --email?'],
    ['user create --email', '--email needs a value: --email EMAIL'],
    [
      'user create --email --verified',
      '--email needs a value; one that begins with a dash is given as --email=VALUE',
    ],
    ['user create --email a@example.com --email b@example.com', '--email is given twice'],
    ['user create --email a@example.com --verified=yes', '--verified takes no value'],
    ['user show', 'ACCOUNT is missing'],
    ['user list everybody', 'takes no further words, only options'],
    ['client show a b', 'takes CLIENT and no further words'],
    ['user grant-role ada@example.com', 'ROLE is missing'],
    ['keys rotate --force', 'there is no option --force'],
  ])('%s', (line, message) => {
    expect(usage(line)).toBe(message);
  });

  test.each(['password', 'passwd', 'secret', 'client-secret'])(
    '--%s is refused with a reason, and its value is said nowhere',
    async (name) => {
      for (const words of [[`--${name}`, 'hunter2-secret'], [`--${name}=hunter2-secret`]]) {
        const argv = ['user', 'create', '--email', 'a@example.com', ...words, '--json'];
        const output = await outputFor(argv, { stdin: process.stdin, stderr: process.stderr });
        expect(output.exit).toBe(2);
        expect(output.stderr).toContain('can be read by everybody on this machine');
        expect(JSON.parse(output.stdout).error).toBe('usage');
        expect(output.stdout + output.stderr).not.toContain('hunter2');
      }
    },
  );

  test('a password in the place of a word is not said back', () => {
    expect(usage('user set-password ada@example.com hunter2-secret')).toBe(
      'takes ACCOUNT and no further words',
    );
  });

  test('an unknown word cannot steer the terminal', () => {
    expect(parseCommandLine(['\u001b[31mx'], commands)).toMatchObject({
      message: 'there is no command \ufffd[31mx',
    });
  });
});

describe('what is accepted', () => {
  test('options before the command, with = and negated', () => {
    const parsed = parse(
      '--json client update --config=/etc/c.conf shop --no-first-party --scope a --scope=b',
    );
    expect(parsed).toMatchObject({
      kind: 'command',
      json: true,
      configFile: '/etc/c.conf',
      positionals: ['shop'],
    });
    if (parsed.kind !== 'command') return;
    expect(parsed.values.get('first-party')).toBe(false);
    expect(parsed.values.get('scope')).toEqual(['a', 'b']);
  });

  test('a positional by its option', () => {
    expect(parse('client show --id shop')).toMatchObject({ kind: 'command', positionals: ['shop'] });
    expect(parse('user grant-role --email a@example.com --role clerk')).toMatchObject({
      positionals: ['a@example.com', 'clerk'],
    });
  });

  test.each([
    '--help',
    'help',
    'user --help',
    'help user create',
    'user create -h',
    'user create --bad --help',
  ])('help: %s', (line) => {
    expect(parse(line).kind).toBe('help');
  });

  test('--version, also as the one document', async () => {
    const output = await outputFor(['--version', '--json'], { stdin: process.stdin, stderr: process.stderr });
    expect(output.exit).toBe(0);
    expect(JSON.parse(output.stdout).version).toMatch(/^cardea \d/);
  });
});
