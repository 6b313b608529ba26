/** The pages of a sign-up in every state that is drawn differently. */
import type { Scene } from './scenes.ts';
import { fill, press, said } from './words.ts';

const path = '/interaction/visit-aaaaaaaaaaaaaaaa?account=new';
const email = 'grace.hopper@example.com';

export const signUpScenes: readonly Scene[] = [
  {
    name: 'sign-in-with-sign-up',
    path: path.replace('?account=new', ''),
    arrange: (front) => {
      front.signingUp = { offered: true, domains: [] };
    },
  },
  { name: 'sign-up', path },
  {
    name: 'sign-up-domains',
    path,
    arrange: (front) => {
      front.signingUp = { offered: true, domains: ['example.com', 'verwaltung.example.org'] };
    },
    act: async (at) => {
      await fill(at, 'form.email', 'nobody');
      await press(at, 'signUp.button');
      await at.getByRole('alert').waitFor();
    },
  },
  {
    name: 'sign-up-code',
    path,
    arrange: (front) => {
      front.signingUp = { offered: true, domains: [], stand: { email, proved: false } };
    },
    act: async (at) => {
      await fill(at, 'signUpCode.label', '0000 0000');
      await press(at, 'signUp.button');
      await at.getByRole('alert').waitFor();
    },
  },
  {
    name: 'sign-up-account',
    path,
    arrange: (front) => {
      front.signingUp = { offered: true, domains: [], stand: { email, proved: true } };
    },
    act: async (at) => {
      await fill(at, 'form.password', 'an umbrella in november');
      await said(at, 'strength.fair', 'strength.good');
      await press(at, 'signUpAccount.button');
      await at.getByRole('alert').waitFor();
      await fill(at, 'form.password', 'gracehopper1');
      await said(at, 'strength.known', 'strength.weak');
    },
  },
  {
    name: 'sign-up-passkey-only',
    path,
    arrange: (front) => {
      const stand = { email, proved: true };
      front.signingUp = { offered: true, domains: [], stand, ways: { passkey: true, password: false } };
    },
  },
];
