/** The room's entry: builds the hosted pages and gives their door. */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import { createReadSubmitted } from '../web/form-guard.ts';
import type { PageLanguages } from '../web/languages.ts';
import { createSendPage } from '../web/page-sender.ts';
import type { PublicUrl } from '../web/public-url.ts';
import type { RenderPage } from '../web/render.ts';
import { createConsentPage } from './consent.ts';
import { createEnrolPage } from './enrol.ts';
import { createTotpEnrolment, enrolledInterlude } from './enrol-totp.ts';
import type { Enrolment, Interlude } from './factor.ts';
import { createFrontPages } from './front.ts';
import type { FrontDoor } from './front-door.ts';
import { type Action, createInteractionPages } from './interaction.ts';
import { createJourney } from './journey.ts';
import { knowingBrowsers } from './known-browsers.ts';
import { languageRoute } from './language.ts';
import { mailboxRoutes } from './mailbox.ts';
import { createMailedPages } from './mailed-pages.ts';
import { createPasskeyEnrolment, createPasskeyOffer } from './passkey-offer.ts';
import { createPasskeySignIn, optionsRoute } from './passkey-sign-in.ts';
import { createPasswordTry } from './password-try.ts';
import { createProofCodeAction } from './proof-code.ts';
import { createProofGate } from './proof-gate.ts';
import { createRoutesDoor, type Route } from './routes.ts';
import { createSecondFactorPage } from './second-factor.ts';
import { createSetupPages } from './setup.ts';
import { createSignInPage } from './sign-in.ts';
import { createSignInCodePage } from './sign-in-code.ts';
import { createSignUpPage } from './sign-up.ts';
import { createUpstreamBegin } from './upstream-begin.ts';
import { upstreamCallbackRoutes } from './upstream-callback.ts';
import { linkingAtTheEnd, upstreamActions } from './upstream-pages.ts';
import { createUpstreamSteps } from './upstream-steps.ts';
import { createWayBack } from './way-back.ts';

export interface PagesOptions {
  readonly front: FrontDoor;
  readonly publicUrl: PublicUrl;
  readonly cookies: Cookies;
  readonly csrf: Csrf;
  readonly renderPage: RenderPage;
  readonly languages: PageLanguages;
}

/** Serves `/`, `/sign-out`, `/signed-out`, `/interaction/…` and `/setup/…`; calls on for any other path. */
export function createPages({
  front: direct,
  publicUrl,
  cookies,
  csrf,
  renderPage,
  languages,
}: PagesOptions): {
  door: Koa.Middleware;
} {
  const { base } = publicUrl;
  const sendPage = createSendPage({ renderPage, languages });
  const readSubmitted = createReadSubmitted({ csrf, origin: publicUrl.origin });
  // Pages of factors that are set up, pages before the end, and other ways of signing in: each room adds its own.
  const { passkeys } = direct;
  const offering = passkeys && { passkeys, cookies, csrf, base, sendPage };
  const interludes: readonly Interlude[] = [
    enrolledInterlude({ csrf, base, sendPage }),
    ...(offering ? [createPasskeyOffer({ ...offering, front: direct })] : []),
  ];
  const passwords = createPasswordTry({ front: direct, cookies });
  const wayBack = createWayBack({ cookies, base, sendPage, findClient: direct.findClient });
  const known: FrontDoor = {
    ...direct,
    protocol: { ...direct.protocol, finishSignIn: knowingBrowsers({ front: direct, cookies }) },
  };
  const journey = createJourney({
    front: linkingAtTheEnd({ front: known, cookies, csrf }),
    interludes,
    base,
  });
  const front: FrontDoor = {
    ...direct,
    protocol: { ...direct.protocol, finishSignIn: journey.finishSignIn },
  };
  const shared = { front, csrf, base, sendPage };
  const enrolments: readonly Enrolment[] = [
    ...(offering ? [createPasskeyEnrolment({ ...offering, front })] : []),
    createTotpEnrolment({ ...shared, journey }),
  ];
  const elsewhere = createUpstreamBegin(shared);
  const gate = createProofGate({ proof: front.proof, front, cookies, base, readSubmitted });
  const signIn = createSignInPage({ ...shared, passwords, gate, elsewhere });
  const proofCodes = front.proof?.codes;
  const codes = front.mailed?.signInCodes;
  const byCode =
    codes &&
    createSignInCodePage({
      ...shared,
      codes,
      signIn,
      elsewhere,
      cookies,
      languages,
      wayBack,
    });
  const upstream = createUpstreamSteps({ ...shared, languages, passwords, elsewhere, signIn, cookies });
  const byPasskey = passkeys && createPasskeySignIn({ ...shared, passkeys, signIn });
  const moreActions: readonly Action[] = [
    ...(byPasskey ? [{ name: 'passkey', at: ['sign-in'] as const, submit: byPasskey.submit }] : []),
    ...upstreamActions({ elsewhere, steps: upstream, signIn, wayBack }),
    ...(byCode?.actions ?? []),
    ...(proofCodes ? [createProofCodeAction({ codes: proofCodes, gate, signIn, front, languages })] : []),
  ];
  const signUp = front.signUp?.offered
    ? createSignUpPage({ ...shared, signUp: front.signUp, elsewhere, cookies, languages, wayBack })
    : undefined;
  const interaction = createInteractionPages({
    front,
    languages,
    base,
    journey,
    signIn: byCode?.page ?? signIn,
    upstream,
    secondFactor: createSecondFactorPage(shared),
    enrol: createEnrolPage({ ...shared, enrolments }),
    interludes,
    consent: createConsentPage({ ...shared, languages }),
    wayBack,
    readSubmitted,
    signUp,
    moreActions: [...moreActions, ...(signUp?.actions ?? [])],
  });
  const home = createFrontPages({ front, publicUrl, csrf, readSubmitted, sendPage, languages });
  const setup = createSetupPages({ front, publicUrl, csrf, readSubmitted, languages, sendPage });

  const mailed = createMailedPages({
    front,
    cookies,
    csrf,
    base,
    readSubmitted,
    sendPage,
    languages,
  });

  return {
    door: createRoutesDoor([
      { method: 'GET', path: '/', handle: home.show },
      { method: 'POST', path: '/sign-out', handle: home.signOut },
      { method: 'GET', path: '/signed-out', handle: home.signedOut },
      { method: 'GET', path: '/interaction/:uid', handle: interaction.show },
      ...interaction.actions.flatMap((name): Route[] => [
        { method: 'GET', path: `/interaction/:uid/${name}`, handle: interaction.back },
        {
          method: 'POST',
          path: `/interaction/:uid/${name}`,
          handle: (ctx, uid) => interaction.submit(ctx, uid, name),
        },
      ]),
      ...(byPasskey ? [optionsRoute(byPasskey)] : []),
      ...gate.routes,
      { method: 'GET', path: '/setup/:token', handle: setup.show },
      { method: 'POST', path: '/setup/:token', handle: setup.submit },
      { method: 'GET', path: '/setup-done', handle: setup.done },
      ...mailed.routes,
      ...upstreamCallbackRoutes({ ...shared, cookies }),
      languageRoute({ languages, readSubmitted, base }),
      ...mailboxRoutes({ front, publicUrl, sendPage }),
    ]),
  };
}
