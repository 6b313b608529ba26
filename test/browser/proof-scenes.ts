/** The sign-in page under pressure, and a sign-in that is suspected, where they are drawn differently. */
import { methodsOf } from '../../src/pages/factor.ts';
import type { SecondFactor } from '../../src/pages/front-door.ts';
import { ada } from '../pages/fake-front-door.ts';
import type { Scene } from './scenes.ts';
import { fill, press } from './words.ts';

const mailedCode: SecondFactor = {
  kind: 'email',
  has: async () => true,
  view: async () => ({ waiting: true }),
  send: async () => undefined,
  verify: async () => ({ kind: 'ok', amr: methodsOf.email, at: 0 }),
};

/** @param path a live visit's */
export const proofScenes = (path: string): readonly Scene[] => [
  {
    name: 'sign-in-rush',
    path,
    act: async (at) => {
      // The page was open before the rush began.
      await at.evaluate('document.querySelector("input[name=challenge]").value = ""');
      await fill(at, 'form.email', 'ada@example.com');
      await fill(at, 'form.password', 'a long password');
      await press(at, 'signIn.button');
      await at.getByRole('alert').waitFor();
    },
    arrange: (front) => {
      front.demand = { pressure: 0, retryAfterSeconds: 600 };
    },
  },
  {
    name: 'second-factor-suspected',
    path,
    visit: {
      proved: { accountId: ada.accountId, amr: ['pwd'], remember: false, at: 0, suspected: true },
    },
    arrange: (front) => {
      front.secondFactors.push(mailedCode);
    },
  },
];
