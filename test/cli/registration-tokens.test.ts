/** `client registration-token`: shown once, listed without its value, deleted. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestRooms, type TestRooms } from './rooms.ts';

let at: TestRooms;

beforeAll(async () => {
  at = await openTestRooms();
});
afterAll(() => at?.close());

const words = ['client', 'registration-token'];

test('makes one, lists it without its value, deletes it', async () => {
  const made = await at.cli([...words, 'create', '--uses', '3', '--expires-in', '12h']);
  expect(made.exit).toBe(0);
  expect(made.json).toMatchObject({
    token: expect.stringMatching(/^cardea_register_/),
    uses: 0,
    max_uses: 3,
  });
  expect(Date.parse(made.json.expires_at) - Date.parse(made.json.created_at)).toBe(12 * 3_600_000);
  // Registration is closed here, which is worth a word.
  expect(made.stderr).toContain('CARDEA_REGISTRATION is closed');
  const listed = await at.cli([...words, 'list']);
  expect(listed.json.registration_tokens).toMatchObject([{ id: made.json.id, uses: 0, max_uses: 3 }]);
  expect(listed.stdout).not.toContain(made.json.token);
  expect((await at.cli([...words, 'delete', made.json.id])).json).toEqual({
    deleted: true,
    id: made.json.id,
  });
  expect((await at.cli([...words, 'delete', made.json.id])).exit).toBe(1);
});

test.each([
  ['--uses', '0'],
  ['--uses', '10001'],
  ['--uses', 'many'],
  ['--expires-in', '0s'],
  ['--expires-in', '366d'],
  ['--expires-in', 'soon'],
])('%s %s is wrong usage', async (option, value) => {
  const ran = await at.cli([...words, 'create', option, value]);
  expect(ran.exit).toBe(2);
});
