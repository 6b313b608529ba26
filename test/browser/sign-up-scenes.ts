/** The pages of a sign-up in every state that is drawn differently. */
import type { Scene } from './scenes.ts';

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
      await at.getByLabel('E-mail').fill('nobody');
      await at.getByRole('button', { name: 'Continue' }).click();
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
      await at.getByLabel('Code from the mail').fill('0000 0000');
      await at.getByRole('button', { name: 'Continue' }).click();
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
      await at.getByLabel('Password', { exact: true }).fill('an umbrella in november');
      await at.getByText('Good. A few more words').or(at.getByText('Strong.')).waitFor();
      await at.getByRole('button', { name: 'Create account' }).click();
      await at.getByRole('alert').waitFor();
      await at.getByLabel('Password', { exact: true }).fill('gracehopper1');
      await at.getByText('Easy to guess').waitFor();
    },
  },
];
