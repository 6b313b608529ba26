/** The address: another one counts when its mailbox is proved; the present one can be confirmed. */
import type { Account, By } from '../accounts/account.ts';
import type { EmailChange } from '../accounts/email-change.ts';
import type { EmailVerification } from '../accounts/email-verification.ts';
import type { ThrottleOutcome } from '../throttle/sign-in-throttle.ts';
import type { PortalKit } from './portal-kit.ts';
import { notThere, type PortalAct, type PortalPage, type PortalSection } from './portal-routes.ts';

const PATH = '/account/email';
const VERIFY = '/account/email/verify';
const CODE = '/account/email/code';
const VERIFY_CODE = '/account/email/verify-code';
const MAX_EMAIL = 254;

export interface EmailFront extends Pick<EmailChange, 'ask' | 'confirmCode'> {
  /** Whether mail is sent at all. */
  readonly offered: boolean;
  readonly verification: Pick<EmailVerification, 'ask' | 'confirmCode'>;
  /** Counts a typed code, as the front door does, before anything is looked up (throttle/code-throttle.ts). */
  checkCode(by: By): Promise<ThrottleOutcome>;
  find(accountId: string): Promise<Account | undefined>;
  /** Ends every session but that one. */
  endOthers(accountId: string, by: By, keptSession: string): Promise<void>;
}

const tooMany = ({ retryAfterSeconds }: { retryAfterSeconds: number }) => ({
  status: 429,
  notice: 'code.tooMany',
  retryAfterSeconds,
});

export function emailSection(kit: PortalKit, front: EmailFront): PortalSection {
  const show: PortalPage['show'] = async (ctx, visit, again) => {
    const account = (await front.find(visit.account.id)) ?? visit.account;
    kit.send(ctx, { ...visit, account }, 'email', {
      title: 'portal.email.title',
      topic: PATH,
      again,
      data: {
        csrf: kit.csrf(ctx, visit, PATH),
        verifyCsrf: kit.csrf(ctx, visit, VERIFY),
        offered: front.offered,
        email: account.email,
        verified: account.emailVerified,
        typed: again?.fields?.email ?? '',
      },
    });
  };

  const ask: PortalAct['submit'] = async (ctx, visit, fields) => {
    if (!front.offered) throw notThere();
    const email = (fields.email ?? '').trim().slice(0, MAX_EMAIL + 1);
    const again = (key: string) => show(ctx, visit, { status: 422, faults: { email: key }, fields });
    if (email === '') return again('signIn.emailMissing');
    const outcome = await front.ask(visit.account.id, email, visit.by, kit.textsFor(visit).lang);
    switch (outcome) {
      case 'asked':
        return kit.goTo(ctx, CODE);
      case 'no-address':
        return again('portal.email.noAddress');
      case 'same':
        return again('portal.email.same');
      case 'absent':
        throw notThere();
    }
  };

  const codePage =
    (path: string, isChange: boolean): PortalPage['show'] =>
    (ctx, visit, again) =>
      kit.send(ctx, visit, 'email-code', {
        title: 'portal.email.codeTitle',
        topic: PATH,
        again,
        data: { csrf: kit.csrf(ctx, visit, path), path, isChange, back: PATH },
      });
  const changeCode = codePage(CODE, true);
  const verifyCode = codePage(VERIFY_CODE, false);

  const confirm: PortalAct['submit'] = async (ctx, visit, fields) => {
    const again = (key: string) => changeCode(ctx, visit, { status: 422, faults: { code: key } });
    const code = (fields.code ?? '').trim();
    if (code === '') return again('portal.email.codeMissing');
    const { account, by, session } = visit;
    const admitted = await front.checkCode(by);
    if (admitted.kind === 'wait') return changeCode(ctx, visit, tooMany(admitted));
    const outcome = await front.confirmCode(account.id, code, by, session.authTime * 1000);
    if (outcome === 'wrong') return again('portal.email.codeWrong');
    if (fields.others === 'yes') await front.endOthers(account.id, by, session.uid);
    return kit.goTo(ctx, PATH, 'email');
  };

  const askVerification: PortalAct['submit'] = async (ctx, visit) => {
    if (!front.offered) throw notThere();
    const locale = kit.textsFor(visit).lang;
    const outcome = await front.verification.ask(visit.account.id, visit.by, locale);
    return kit.goTo(ctx, outcome === 'verified-already' ? PATH : VERIFY_CODE);
  };

  const verify: PortalAct['submit'] = async (ctx, visit, fields) => {
    const again = (key: string) => verifyCode(ctx, visit, { status: 422, faults: { code: key } });
    const code = (fields.code ?? '').trim();
    if (code === '') return again('portal.email.codeMissing');
    const admitted = await front.checkCode(visit.by);
    if (admitted.kind === 'wait') return verifyCode(ctx, visit, tooMany(admitted));
    const outcome = await front.verification.confirmCode(visit.account.id, code, visit.by);
    return outcome === 'wrong' ? again('portal.email.codeWrong') : kit.goTo(ctx, PATH, 'emailVerified');
  };

  return {
    topic: { path: PATH, text: 'portal.email.topic' },
    routes: [
      { method: 'GET', path: PATH, needs: 'recent-strong', show },
      { method: 'POST', path: PATH, page: PATH, needs: 'recent-strong', submit: ask },
      { method: 'GET', path: CODE, needs: 'recent-strong', show: changeCode },
      { method: 'POST', path: CODE, page: CODE, needs: 'recent-strong', submit: confirm },
      { method: 'POST', path: VERIFY, page: PATH, needs: 'recent-strong', submit: askVerification },
      { method: 'GET', path: VERIFY_CODE, needs: 'signed-in', show: verifyCode },
      { method: 'POST', path: VERIFY_CODE, page: VERIFY_CODE, needs: 'signed-in', submit: verify },
    ],
  };
}
