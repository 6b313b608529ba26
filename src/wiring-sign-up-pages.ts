/** Gives the pages of a sign-up what they need of the accounts room. */
import type { By } from './accounts/account.ts';
import type { Fault } from './accounts/fault.ts';
import type { FieldFault, SignUpFront } from './pages/sign-up-front.ts';
import type { Rooms } from './rooms.ts';

/** Undefined where there is no mail: then no address can be proved. */
export function createSignUpFront(
  rooms: Pick<Rooms, 'mail' | 'signUps' | 'metrics' | 'requestLimits'>,
): SignUpFront | undefined {
  const { mail, signUps, requestLimits, metrics } = rooms;
  if (mail.kind === 'off') return undefined;
  return {
    offered: signUps.offered,
    domains: signUps.domains,
    stand: signUps.stand,
    look: signUps.look,
    proveByLink: signUps.proveByLink,
    async begin(typed) {
      const outcome = await signUps.begin(typed);
      return { kind: outcome.kind === 'fault' ? 'no-address' : outcome.kind };
    },
    async proveByCode(visit, code, network) {
      const admitted = await requestLimits.take('codeTriesPerNetwork', network);
      if (admitted.kind === 'wait') return admitted;
      return { kind: (await signUps.proveByCode(visit, code)) ? 'proved' : 'wrong' };
    },
    async linkOfInvitation({ network, ...typed }) {
      const admitted = await requestLimits.take('codeTriesPerNetwork', network);
      if (admitted.kind === 'wait') return admitted;
      const token = await signUps.linkOfInvitation(typed);
      return token === undefined ? { kind: 'wrong' } : { kind: 'open', token };
    },
    async complete(place, { name, password, app }, from) {
      // Whoever has proved the address: there is no account yet that could be the actor.
      const by: By = { actor: { kind: 'anonymous' }, ...from };
      const passwordWords = app === undefined ? [] : [app];
      const outcome = await signUps.complete(place, { name, password, passwordWords }, by);
      if (outcome.kind === 'created') metrics.count('cardea_sign_ups_total');
      return outcome.kind === 'faults' ? { kind: 'faults', faults: outcome.faults.map(fieldFault) } : outcome;
    },
  };
}

function fieldFault({ field, text }: Fault): FieldFault {
  return text
    ? { field, key: text.key, values: text.values }
    : { field: field === 'password' ? field : 'name', key: 'signUp.nameFault' };
}
