import { expect, test } from 'vitest';
import {
  isKind,
  isSessionUid,
  newId,
  newSessionId,
  newSessionUid,
  tagOf,
  tagOfUid,
} from '../../src/storage/ids.ts';

test('an id says its kind and its family, and nothing else in it repeats', () => {
  const grant = newId('Grant');
  const ids = Array.from({ length: 1000 }, () => newId('RefreshToken', grant));
  expect(new Set(ids.map((id) => id.slice(13))).size).toBe(1000);
  for (const id of ids) {
    expect(id).toMatch(/^R[A-Za-z0-9_-]{43}$/);
    expect(tagOf(id)).toBe(tagOf(grant));
    expect(isKind(id, 'RefreshToken')).toBe(true);
    expect(isKind(id, 'AccessToken')).toBe(false);
  }
});

test('the ids of a session share the start of its uid', () => {
  const uid = newSessionUid();
  expect(isSessionUid(uid)).toBe(true);
  expect(tagOf(newSessionId(uid))).toBe(tagOfUid(uid));
  expect(newSessionId(uid)).not.toBe(newSessionId(uid));
  expect(newSessionId(uid).slice(1)).not.toBe(uid);
});

test('A17: nothing that could steer a key passes as an id', () => {
  for (const id of [
    '',
    'G',
    `G${'x'.repeat(44)}`,
    `G}{${'x'.repeat(41)}`,
    `G${'x'.repeat(42)}\n`,
    `G${'x'.repeat(43)}\n`,
  ]) {
    expect(isKind(id, 'Grant')).toBe(false);
    expect(() => tagOf(id)).toThrow(TypeError);
  }
});
