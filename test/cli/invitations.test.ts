/** `invitation`: a mail is written, the list shows whom, and what it gives is in the row alone. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestRooms, type TestRooms } from './rooms.ts';

let at: TestRooms;

beforeAll(async () => {
  at = await openTestRooms();
});
afterAll(() => at?.close());

test('invites, lists without the link, deletes', async () => {
  const role = ['--role', 'cardea=administrator'];
  const made = await at.cli([
    'invitation',
    'create',
    '--email',
    'Ada@Example.com',
    ...role,
    '--expires-in',
    '2d',
  ]);
  expect(made.exit).toBe(0);
  const { id, created_at, expires_at, roles } = made.json;
  expect(roles).toEqual([{ name: 'administrator', resource: 'cardea' }]);
  expect(Date.parse(expires_at) - Date.parse(created_at)).toBe(2 * 86_400_000);
  const [mail] = await at.rooms.mail.box();
  expect(mail?.to).toBe('Ada@Example.com');
  const token = /\/link\/([\w-]{43})/.exec(mail?.text ?? '')?.[1] ?? '';
  expect(token).not.toBe('');
  const listed = await at.cli(['invitation', 'list']);
  expect(listed.json.invitations).toMatchObject([{ id, email: 'Ada@Example.com' }]);
  expect(made.stdout + listed.stdout).not.toContain(token);
  expect((await at.cli(['invitation', 'delete', id])).json).toEqual({ deleted: true, id });
  expect(await at.rooms.signUps.look(token)).toBeUndefined();
  expect((await at.cli(['invitation', 'delete', id])).exit).toBe(1);
});

test('the mail is in the language that was asked for, else in the default one', async () => {
  const invite = (email: string, ...more: string[]) =>
    at.cli(['invitation', 'create', '--email', email, ...more]);
  const subjectTo = async (email: string) =>
    (await at.rooms.mail.box()).find(({ to }) => to === email)?.subject;
  expect((await invite('anna@example.com', '--language', 'de')).exit).toBe(0);
  expect(await subjectTo('anna@example.com')).toMatch(/eingeladen|Einladung/);
  expect((await invite('bill@example.com')).exit).toBe(0);
  expect(await subjectTo('bill@example.com')).toMatch(/invit/i);
  const unknown = await invite('eve@example.com', '--language', 'tlh');
  expect([unknown.exit, unknown.json.message]).toEqual([
    2,
    expect.stringContaining('--language is one of en'),
  ]);
});

test('what cannot be: an address that has an account, a role that is none, a time that is none', async () => {
  await at.cli(['user', 'create', '--email', 'root@example.com']);
  const taken = await at.cli(['invitation', 'create', '--email', 'ROOT@example.com']);
  expect([taken.exit, taken.json.error]).toEqual([1, 'exists']);
  const invite = ['invitation', 'create', '--email', 'eve@example.com'];
  expect((await at.cli([...invite, '--role', 'emperor'])).exit).toBe(1);
  expect((await at.cli([...invite, '--expires-in', 'soon'])).exit).toBe(2);
  const { invitations } = (await at.cli(['invitation', 'list'])).json;
  expect(JSON.stringify(invitations)).not.toContain('eve@');
});
