/** The sign-in page: what was typed becomes an outcome (accounts/authenticate.ts), the outcome becomes text. */
import type Koa from 'koa';
import type { Csrf } from '../web/csrf.ts';
import type { FormFields } from '../web/forms.ts';
import { personView } from '../web/names.ts';
import type { SendPage } from '../web/page-sender.ts';
import { clientView, formTargetsOf, imagesOf } from './display.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import type { PasswordTry } from './password-try.ts';
import type { ProofGate } from './proof-gate.ts';
import { RESET_PATH } from './reset.ts';
import { OWN_PASSWORD } from './reset-elsewhere.ts';
import { offersSignUp, offersWay, takesProviders, type UpstreamBegin } from './upstream-begin.ts';
import { signUpPath, visitPath, visitPurpose } from './visit-address.ts';
import { waitText } from './wait-text.ts';
import { asksForAnotherAccount } from './way-back.ts';

export interface SignInPage {
  show(ctx: Koa.Context, visit: Visit, again?: Again): Promise<void>;
  submit(ctx: Koa.Context, visit: Visit, fields: FormFields): Promise<void>;
}

/** The page a second time: with what was typed (never the password) and what was wrong. */
interface Again {
  readonly status: number;
  /** A text's key, for the whole form. */
  readonly notice?: string;
  /** What stands in it. */
  readonly noticeValues?: Readonly<Record<string, string>>;
  readonly waitSeconds?: number;
  /** Of what was refused, as `explain` takes it. */
  readonly reference?: string | undefined;
  readonly email?: string | undefined;
  readonly remember?: boolean;
  /** A code in place of a proof was asked for, or typed. */
  readonly coded?: boolean;
  /** The account is being deleted; ms: until when it can be kept. */
  readonly leavingUntil?: number;
  /** A passkey that nobody here knows: what keeps it may forget it. */
  readonly unknownPasskey?: string | undefined;
  /** Text keys by field. */
  readonly faults?: Readonly<Partial<Record<'email' | 'password' | 'proof-code', string>>>;
}

/** RFC 5321 section 4.5.3.1.3: a path of 256 octets with its brackets. */
const MAX_EMAIL = 254;

export function createSignInPage(o: {
  front: Pick<
    FrontDoor,
    'protocol' | 'findPerson' | 'mailed' | 'signUp' | 'passkeys' | 'proof' | 'networkOf'
  >;
  passwords: PasswordTry;
  gate: ProofGate;
  elsewhere: UpstreamBegin;
  csrf: Csrf;
  base: string;
  sendPage: SendPage;
}): SignInPage {
  const { front, gate, elsewhere, csrf, base, sendPage } = o;

  const passkeyOf = (visit: Visit, again?: Again) =>
    front.passkeys &&
    (offersWay(visit, 'passkey') || undefined) && {
      action: `${base}${visitPath(visit.uid)}/passkey`,
      options: `${base}${visitPath(visit.uid)}/passkey-options`,
      unknown: again?.unknownPasskey,
      rpId: front.passkeys.rpId,
    };

  const show: SignInPage['show'] = async (ctx, visit, again) => {
    const known = visit.accountId === undefined ? undefined : await front.findPerson(visit.accountId);
    const other = ctx.query.account === 'other' || asksForAnotherAccount(visit);
    const wanted = again?.email ?? hintOf(visit);
    // The account in use is offered unless somebody else was named, by the person or by the client's hint.
    const chip = known && !other && (wanted === '' || wanted === known.email) ? personView(known) : undefined;
    const email = (chip?.email ?? wanted).slice(0, MAX_EMAIL);
    const passwords = offersWay(visit, 'password');
    const codes = front.mailed?.signInCodes !== undefined && offersWay(visit, 'code');
    const passkey = passkeyOf(visit, again);
    const providers = await elsewhere.buttons(visit);
    const hasWay = passwords || codes || passkey !== undefined || providers.length > 0;
    const token = csrf.issue(ctx, visitPurpose(visit.uid));
    const proof = passwords ? await gate.view(ctx, 'sign-in', token) : undefined;
    sendPage(ctx, 'sign-in', {
      status: again?.status ?? 200,
      // The work that was asked for a moment ago may be asked no more: then the same form is taken at once.
      retryAfterSeconds:
        again?.waitSeconds ?? (again?.status === 429 ? (proof?.waitSeconds ?? 1) : undefined),
      data: {
        client: clientView(visit.client),
        chip,
        otherUrl: `${base}${visitPath(visit.uid)}?account=other`,
        resetUrl:
          front.mailed &&
          `${base}${RESET_PATH}?visit=${visit.uid}${takesProviders(visit) ? '' : `&${OWN_PASSWORD}`}`,
        signUpUrl:
          front.signUp?.offered && !chip && offersSignUp(visit, front.signUp)
            ? base + signUpPath(visit.uid)
            : undefined,
        codes,
        onDevice: visit.onDevice === true,
        action: base + visitPath(visit.uid),
        csrf: token,
        proof: proof && { ...proof, codes: front.proof?.codes !== undefined, coded: again?.coded === true },
        email,
        remember: again?.remember ?? true,
        faults: again?.faults ?? {},
        notice: again?.notice ?? (hasWay ? undefined : 'signIn.noWay'),
        noticeValues: again?.noticeValues,
        reference: again?.reference,
        passkey,
        passwords,
        providers,
        leavingUntil: again?.leavingUntil,
        wait: again?.waitSeconds === undefined ? undefined : waitText(again.waitSeconds),
      },
      policy: {
        formTargets: formTargetsOf(visit.client, visit.redirectOrigin),
        images: imagesOf(visit.client),
        fetches: front.passkeys !== undefined || proof !== undefined,
      },
    });
  };

  const codeOutcome = (ctx: Koa.Context, visit: Visit, email: string, code: string) =>
    front.proof?.codes?.redeem({ visit: visit.uid, email, code, network: front.networkOf(ctx.ip) });

  const submit: SignInPage['submit'] = async (ctx, visit, fields) => {
    const email = (fields.email ?? '').trim();
    const password = fields.password ?? '';
    const remember = fields.remember === 'yes';
    // Home-realm discovery: by the domain alone, whether there is such an account or not, and whatever else was typed.
    const home = email === '' ? undefined : await elsewhere.providerFor(visit, email);
    if (home) {
      const stays = await elsewhere.begin(ctx, visit, home.id, email);
      return stays && show(ctx, visit, { ...stays, email, remember });
    }
    if (!offersWay(visit, 'password')) {
      return show(ctx, visit, { status: 422, notice: 'upstream.absent', email, remember });
    }
    if (email === '' || password === '') {
      const faults = {
        ...(email === '' && { email: 'signIn.emailMissing' }),
        ...(password === '' && { password: 'signIn.passwordMissing' }),
      };
      return show(ctx, visit, { status: 422, email, remember, faults });
    }
    // A browser without scripting brings a code in place of the work; what is wrong with it is told beside its field.
    const code = (fields['proof-code'] ?? '').trim();
    const coded = code === '' ? undefined : await codeOutcome(ctx, visit, email, code);
    if (coded?.kind === 'wait') {
      const waitSeconds = coded.retryAfterSeconds;
      const typed = { email, remember, coded: true } as const;
      return show(ctx, visit, { status: 429, notice: 'code.tooMany', waitSeconds, ...typed });
    }
    if (coded?.kind === 'wrong') {
      const faults = { 'proof-code': 'code.wrong' };
      return show(ctx, visit, { status: 422, faults, email, remember, coded: true });
    }
    let reference: string | undefined;
    const admits = async () => {
      if (coded?.kind === 'right') return true;
      const admission = await gate.admit(ctx, 'sign-in', fields);
      if (admission.kind === 'refused') reference = admission.reference;
      return admission.kind === 'admitted';
    };
    const outcome = await o.passwords.attempt(ctx, email, password, {
      keep: fields.keep === 'yes',
      admits,
    });
    switch (outcome.kind) {
      case 'signed-in': {
        const { account, amr, at } = outcome;
        return front.protocol.finishSignIn(ctx, visit, {
          accountId: account.id,
          amr,
          at,
          remember,
          // Whoever brought the code has shown that the mailbox is theirs.
          ...(outcome.suspected && coded === undefined && { suspected: true }),
        });
      }
      case 'unproved':
        return show(ctx, visit, { status: 429, notice: 'proof.rush', reference, email, remember });
      // One sentence for unknown, wrong and disabled (OWASP ASVS 6.3.8).
      case 'rejected':
        return show(ctx, visit, { status: 422, notice: 'signIn.rejected', email, remember });
      case 'leaving':
        return show(ctx, visit, { status: 200, leavingUntil: outcome.until, email, remember });
      case 'locked':
        return show(ctx, visit, {
          status: 429,
          notice: 'signIn.locked',
          waitSeconds: outcome.retryAfterSeconds,
          email,
          remember,
        });
      case 'busy':
        return show(ctx, visit, {
          status: 503,
          notice: 'signIn.busy',
          waitSeconds: outcome.retryAfterSeconds,
          email,
          remember,
        });
    }
  };

  return { show, submit };
}

/** OIDC Core section 3.1.2.1: a hint may be anything; what does not look like an address is not put in the field. */
function hintOf(visit: Visit): string {
  const hint = visit.params.login_hint;
  return typeof hint === 'string' && hint.length <= MAX_EMAIL && /^[^\s@<>"]+@[^\s@<>"]+$/.test(hint)
    ? hint
    : '';
}
