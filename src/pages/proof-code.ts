/** The sign-in page's button for browsers without scripting: a code by mail in place of a proof of work. */
import type { ProofCodes } from '../accounts/proof-codes.ts';
import type { PageLanguages } from '../web/languages.ts';
import type { FrontDoor } from './front-door.ts';
import type { Action } from './interaction.ts';
import type { ProofGate } from './proof-gate.ts';
import type { SignInPage } from './sign-in.ts';
import { offersWay } from './upstream-begin.ts';

const MAX_EMAIL = 254;

export function createProofCodeAction(o: {
  codes: ProofCodes;
  gate: Pick<ProofGate, 'asks'>;
  signIn: SignInPage;
  front: Pick<FrontDoor, 'networkOf'>;
  languages: Pick<PageLanguages, 'of'>;
}): Action {
  const { codes, gate, signIn, front } = o;
  return {
    name: 'proof-code',
    at: ['sign-in'],
    async submit(ctx, visit, fields) {
      const email = (fields.email ?? '').trim();
      const remember = fields.remember === 'yes';
      const typed = { email, remember };
      // Nothing is asked for, or nothing of this kind: then nothing is mailed.
      if (!offersWay(visit, 'password') || !(await gate.asks(ctx, 'sign-in'))) {
        return signIn.show(ctx, visit, { status: 200, ...typed });
      }
      const fault = (key: string) =>
        signIn.show(ctx, visit, { status: 422, faults: { email: key }, ...typed });
      if (email === '') return fault('signIn.emailMissing');
      const asked = {
        visit: visit.uid,
        email,
        app: visit.client.name,
        network: front.networkOf(ctx.ip),
        locale: o.languages.of(ctx),
      };
      if (email.length > MAX_EMAIL || (await codes.ask(asked)) === 'no-address')
        return fault('form.emailFault');
      return signIn.show(ctx, visit, { status: 200, coded: true, ...typed });
    },
  };
}
