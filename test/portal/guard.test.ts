/** What the portal's table refuses to be built with, and which sessions are enough. */
import { describe, expect, test } from 'vitest';
import { createJudgeSession } from '../../src/portal/guard.ts';
import type { PortalSession } from '../../src/portal/portal-front.ts';
import { createPortalTable, type Needs, type PortalRoute } from '../../src/portal/portal-routes.ts';
import { WebFault } from '../../src/web/problem.ts';

const nothing = () => undefined;
const page = (path: string, needs: Needs = 'signed-in'): PortalRoute => ({
  method: 'GET',
  path,
  needs,
  show: nothing,
});
const form = (path: string, on: string, needs: Needs = 'signed-in'): PortalRoute => ({
  method: 'POST',
  path,
  page: on,
  needs,
  submit: nothing,
});

describe('the table', () => {
  test('has no form without its page, and none that needs less than the page it may show', () => {
    expect(() => createPortalTable([form('/account/a', '/account/b')])).toThrow(RangeError);
    const both = (asked: Needs, on: Needs) => () =>
      createPortalTable([page('/account/a', on), form('/account/a', '/account/a', asked)]);
    expect(both('signed-in', 'recent')).toThrow(RangeError);
    expect(both('recent', 'recent-strong')).toThrow(RangeError);
    expect(both('recent-strong', 'signed-in')).not.toThrow();
  });

  test('knows a path as a whole, its id, and the page that people come back to', () => {
    const table = createPortalTable([
      page('/account/a'),
      page('/account/a/:id'),
      form('/account/a/:id/end', '/account/a/:id'),
    ]);
    const match = table.match('POST', '/account/a/k3y/end');
    expect(match?.id).toBe('k3y');
    expect(match && table.pagePath(match)).toBe('/account/a/k3y');
    expect(table.match('HEAD', '/account/a')?.route.path).toBe('/account/a');
    for (const path of [
      '/account/a/',
      '/account/a/x/y',
      '/account/a/%2e%2e',
      `/account/a/${'x'.repeat(129)}`,
    ]) {
      expect(table.match('GET', path)).toBeUndefined();
    }
    expect(table.page('//evil.example')).toBeUndefined();
    expect(() => table.match('DELETE', '/account/a')).toThrow(WebFault);
  });
});

describe('S19 a session', () => {
  const now = 1_800_000_000;
  const judge = createJudgeSession({
    front: { strongLevels: async () => ['urn:cardea:acr:2', 'urn:cardea:acr:3'] },
    clock: { now: () => now * 1000 + 999 },
    recentSeconds: 600,
  });
  const session = (ageSeconds: number, acr?: string): PortalSession => ({
    uid: 'u',
    accountId: 'a',
    authTime: now - ageSeconds,
    amr: [],
    acr,
  });
  const isEnough = async (needs: Needs, one: PortalSession) => (await judge(needs, one)).kind === 'enough';

  test('is enough when it is as fresh and as strong as the route needs', async () => {
    const [one, two, three] = ['urn:cardea:acr:1', 'urn:cardea:acr:2', 'urn:cardea:acr:3'];
    expect(await isEnough('signed-in', session(90_000))).toBe(true);
    expect(await isEnough('recent', session(600))).toBe(true);
    expect(await isEnough('recent', session(601))).toBe(false);
    expect(await isEnough('recent-strong', session(0, one))).toBe(false);
    expect(await isEnough('recent-strong', session(0))).toBe(false);
    expect(await isEnough('recent-strong', session(601, three))).toBe(false);
    expect(await isEnough('recent-strong', session(600, two))).toBe(true);
    expect(await isEnough('recent-strong', session(600, three))).toBe(true);
  });

  test('that is not leads to a sign-in that is', async () => {
    expect(await judge('recent', session(601))).toMatchObject({ maxAgeSeconds: 600, level: undefined });
    expect(await judge('recent-strong', session(0))).toMatchObject({
      maxAgeSeconds: 600,
      level: 'urn:cardea:acr:2',
    });
  });
});
