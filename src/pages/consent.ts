/** The consent page: who asks, for whom, for what, and where one is sent next. */
import type Koa from 'koa';
import type { Csrf } from '../web/csrf.ts';
import type { PageLanguages } from '../web/languages.ts';
import { personView } from '../web/names.ts';
import type { SendPage } from '../web/page-sender.ts';
import { askedOf, describeRights } from './consent-items.ts';
import { clientView, formTargetsOf, imagesOf, placeOf } from './display.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import { visitPath, visitPurpose } from './visit-address.ts';
import { otherAccountUrl } from './way-back.ts';

export interface ConsentPage {
  show(ctx: Koa.Context, visit: Visit, again?: { status: number; notice: string }): Promise<void>;
  allow(ctx: Koa.Context, visit: Visit): Promise<void>;
}

export function createConsentPage(o: {
  front: Pick<FrontDoor, 'protocol' | 'findPerson' | 'findResource'>;
  csrf: Csrf;
  base: string;
  languages: Pick<PageLanguages, 'textsFor'>;
  sendPage: SendPage;
}): ConsentPage {
  const { front, csrf, base, sendPage } = o;
  return {
    async show(ctx, visit, again) {
      const person = visit.accountId === undefined ? undefined : await front.findPerson(visit.accountId);
      const texts = o.languages.textsFor(ctx);
      const items = await describeRights(askedOf(visit), {
        texts,
        findResource: front.findResource,
      });
      sendPage(ctx, 'consent', {
        status: again?.status ?? 200,
        data: {
          client: clientView(visit.client),
          chip: person && personView(person),
          otherUrl: otherAccountUrl(base, visit),
          place: isOwnMachine(visit.redirectOrigin)
            ? texts.t('consent.thisDevice')
            : placeOf(visit.redirectOrigin),
          own: ownWords(visit),
          next: visit.onDevice
            ? 'consent.nextDevice'
            : /^https:/.test(visit.redirectOrigin)
              ? 'consent.next'
              : 'consent.nextApp',
          items,
          action: base + visitPath(visit.uid),
          csrf: csrf.issue(ctx, visitPurpose(visit.uid)),
          notice: again?.notice,
        },
        policy: {
          formTargets: formTargetsOf(visit.client, visit.redirectOrigin),
          images: imagesOf(visit.client),
        },
      });
    },
    // What is granted is what the stored visit asks for: nothing in the form can add to it.
    allow: (ctx, visit) => front.protocol.finishConsent(ctx, visit, askedOf(visit)),
  };
}

/**
 * What people should know of a client that no operator registered, in one sentence: who vouches for it, and, where the
 * answer goes to their own machine, that any program there could be the one that asks (RFC 8252 section 8.6).
 */
function ownWords({ client, redirectOrigin }: Visit): string | undefined {
  if (!client.registered) return undefined;
  const local = !/^https:/.test(redirectOrigin);
  if (client.registered === 'dynamic') return local ? 'consent.unverifiedLocal' : 'consent.unverifiedText';
  return local ? 'consent.vouchedLocal' : 'consent.vouchedText';
}

/** Plain http is registered for loopback addresses only: nobody else's machine. */
function isOwnMachine(redirectOrigin: string): boolean {
  return redirectOrigin.startsWith('http:');
}
