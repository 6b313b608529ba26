/** Gives the pages of a sign-up what they need of the accounts room. */
import type { By } from './accounts/account.ts';
import type { Fault } from './accounts/fault.ts';
import type { SignUpPlace } from './accounts/sign-ups.ts';
import { type SecondFactorPolicy, strictestPolicy } from './config/second-factor.ts';
import { methodsOf } from './pages/factor.ts';
import { faultOf } from './pages/passkey-offer.ts';
import type { FieldFault, NewWayIn, SignUpFront } from './pages/sign-up-front.ts';
import type { Prepared } from './passkeys/adding.ts';
import type { VerifiedPasskey } from './passkeys/passkey.ts';
import type { Rooms } from './rooms.ts';

/** What of an app decides how its new people sign in. */
interface App {
  readonly secondFactor?: SecondFactorPolicy | undefined;
  readonly signInWith?: readonly string[];
}

/** The new person, or why there is none yet: a text's key. */
type Checked = { readonly passkey?: VerifiedPasskey | undefined } | { readonly notice: string };

/** Undefined where there is no mail: then no address can be proved. */
export function createSignUpFront(
  rooms: Pick<Rooms, 'mail' | 'signUps' | 'metrics' | 'requestLimits' | 'passkeys' | 'settings'>,
  findApp: (clientId: string) => Promise<App | undefined>,
): SignUpFront | undefined {
  const { mail, signUps, requestLimits, metrics } = rooms;
  if (mail.kind === 'off') return undefined;
  const adding = rooms.passkeys?.adding;

  /** Whom a passkey is for that has no account yet: this sign-up and this address, so that none is added to another. */
  async function holderAt(place: SignUpPlace): Promise<{ id: string; email: string }> {
    const found = 'visit' in place ? await signUps.stand(place.visit) : await signUps.look(place.token);
    const email = found?.email ?? '';
    return { id: JSON.stringify(['sign-up', place, email]), email };
  }

  async function check(place: SignUpPlace, way: NewWayIn): Promise<Checked> {
    if (!('passkey' in way)) return {};
    const holder = await holderAt(place);
    const prepared: Prepared = (await adding?.prepare({ holder, ...way.passkey })) ?? { kind: 'rejected' };
    return prepared.kind === 'verified'
      ? { passkey: prepared.passkey }
      : { notice: prepared.kind === 'stale' ? 'passkey.stale' : 'signUpAccount.noPasskey' };
  }

  return {
    offered: signUps.offered,
    passkeys: adding !== undefined,
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
    async ways(clientId) {
      const app = clientId === undefined ? undefined : await findApp(clientId);
      // Who makes one here must be able to sign in by it afterwards.
      const passkey = adding !== undefined && (app?.signInWith?.includes('passkey') ?? true);
      const policy = strictestPolicy([rooms.settings.secondFactor, app?.secondFactor]);
      const takesPasswords = policy !== 'passkey' && (app?.signInWith?.includes('password') ?? true);
      return { passkey, password: !passkey || takesPasswords };
    },
    async passkeyOptions(place, bound) {
      return adding?.options(await holderAt(place), bound);
    },
    async complete(place, { name, app, ...way }, from) {
      // Whoever has proved the address: there is no account yet that could be the actor.
      const by: By = { actor: { kind: 'anonymous' }, ...from };
      const checked = await check(place, way);
      if ('notice' in checked) return { kind: 'no-passkey', notice: checked.notice };
      const { passkey } = checked;
      let refusal: string | undefined;
      const outcome = await signUps.complete(
        place,
        {
          name,
          password: 'password' in way ? way.password : undefined,
          passwordWords: app === undefined ? [] : [app],
          also:
            passkey &&
            (async (trx, { id }) => {
              const added = await adding?.insert(trx, { accountId: id, passkey, by });
              refusal = added && faultOf(added);
              return added?.kind === 'added';
            }),
        },
        by,
      );
      if (outcome.kind === 'refused')
        return { kind: 'no-passkey', notice: refusal ?? 'signUpAccount.noPasskey' };
      if (outcome.kind === 'faults') return { kind: 'faults', faults: outcome.faults.map(fieldFault) };
      if (outcome.kind !== 'created') return outcome;
      metrics.count('cardea_sign_ups_total');
      return { ...outcome, amr: methodsOfNew(way) };
    },
  };
}

/** The making of a passkey is verified like its use: the person was there, and the authenticator knew them. */
const methodsOfNew = (way: NewWayIn) => ('passkey' in way ? methodsOf.passkey : ['pwd']);

function fieldFault({ field, text }: Fault): FieldFault {
  return text
    ? { field, key: text.key, values: text.values }
    : { field: field === 'password' ? field : 'name', key: 'signUp.nameFault' };
}
