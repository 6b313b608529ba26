/** The pages of mailed links and codes, each where it is drawn differently. */
import type { Page } from 'playwright-core';
import { LINKS } from '../pages/fake-mailed.ts';
import type { Scene } from './scenes.ts';
import { fill, headed, press } from './words.ts';

async function ask(at: Page): Promise<void> {
  await fill(at, 'form.email', 'ada.with.a.rather.long.address@subdomain.example.com');
  await press(at, 'reset.button');
  await headed(at, 'resetCode.title');
}

async function typeWrongCode(at: Page, button: string): Promise<void> {
  await fill(at, 'code.label', '1111 1111');
  await press(at, button);
  await at.getByRole('alert').waitFor();
}

/** @param signInPath a live visit's */
export const mailedScenes = (signInPath: string): readonly Scene[] => [
  { name: 'reset', path: '/reset' },
  { name: 'reset-code', path: '/reset', act: ask },
  {
    name: 'reset-code-plain-wrong',
    path: '/reset/code',
    act: async (at) => {
      await fill(at, 'form.email', 'ada@example.com');
      await typeWrongCode(at, 'resetCode.button');
    },
  },
  { name: 'reset-password', path: `/link/${LINKS['reset-password']}` },
  {
    name: 'reset-done',
    path: `/link/${LINKS['reset-password']}`,
    act: async (at) => {
      await fill(at, 'resetPassword.label', 'correct horse battery');
      await press(at, 'resetPassword.button');
      await headed(at, 'resetDone.title');
    },
  },
  { name: 'link', path: `/link/${LINKS['verify-email']}` },
  {
    name: 'link-done',
    path: `/link/${LINKS['verify-email']}`,
    act: async (at) => {
      await press(at, 'link.verifyEmail.button');
      await headed(at, 'link.verifyEmail.doneTitle');
    },
  },
  { name: 'link-gone', path: `/link/${'x'.repeat(43)}` },
  {
    name: 'sign-in-code',
    path: signInPath,
    act: async (at) => {
      await fill(at, 'form.email', 'ada@example.com');
      await press(at, 'signIn.sendCode');
      await headed(at, 'signInCode.title');
      await typeWrongCode(at, 'signIn.button');
    },
  },
];
